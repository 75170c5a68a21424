-- Sales: distinct (user, period) that took the item in 1, 4 and 16 periods; trend, ln of the 4 against a quarter
-- of the 16, both plus 1; share of them by users who had it before; periods since the last and the first sale.
WITH facts AS (
    SELECT item_code, period, takings AS buyers, takings - fresh AS again, period AS taken_at FROM sold
    UNION ALL
    SELECT item_code, period, 0, 0, NULL FROM wanted
),
windowed AS (
    SELECT
        item_code, period, taken_at,
        COALESCE(SUM(buyers) OVER one, 0) AS buyers_1,
        COALESCE(SUM(buyers) OVER four, 0) AS buyers_4,
        COALESCE(SUM(buyers) OVER sixteen, 0) AS buyers_16,
        SUM(again) OVER past AS again, SUM(buyers) OVER past AS buyers,
        MIN(taken_at) OVER past AS first_at, MAX(taken_at) OVER past AS last_at
    FROM facts
    WINDOW
        past AS (PARTITION BY item_code ORDER BY period RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
        one AS (PARTITION BY item_code ORDER BY period RANGE BETWEEN 1 PRECEDING AND 1 PRECEDING),
        four AS (PARTITION BY item_code ORDER BY period RANGE BETWEEN 4 PRECEDING AND 1 PRECEDING),
        sixteen AS (PARTITION BY item_code ORDER BY period RANGE BETWEEN 16 PRECEDING AND 1 PRECEDING)
)
SELECT
    item_code,
    period,
    buyers_1 AS item_buyers_1,
    buyers_4 AS item_buyers_4,
    buyers_16 AS item_buyers_16,
    LN((buyers_4 + 1) / (buyers_16 / 4.0 + 1)) AS item_trend,
    CASE WHEN buyers > 0 THEN CAST(again AS DOUBLE) / buyers END AS item_repeat_share,
    period - last_at AS item_periods_since,
    period - first_at AS item_periods_known
FROM windowed
WHERE taken_at IS NULL
ORDER BY item_code, period
