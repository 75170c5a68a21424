-- How often and how lately the user took anything.
WITH facts AS (
    SELECT user_code, period, SUM(lines) AS purchases, 1 AS active, period AS taken_at
    FROM trips
    GROUP BY user_code, period
    UNION ALL
    SELECT user_code, period, 0, 0, NULL FROM wanted
),
windowed AS (
    SELECT
        user_code,
        period,
        taken_at,
        SUM(active) OVER eight AS active_8,
        SUM(purchases) OVER four AS purchases_4,
        SUM(purchases) OVER sixteen AS purchases_16,
        MIN(taken_at) OVER past AS first_at,
        MAX(taken_at) OVER past AS last_at
    FROM facts
    WINDOW
        past AS (PARTITION BY user_code ORDER BY period RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
        four AS (PARTITION BY user_code ORDER BY period RANGE BETWEEN 4 PRECEDING AND 1 PRECEDING),
        eight AS (PARTITION BY user_code ORDER BY period RANGE BETWEEN 8 PRECEDING AND 1 PRECEDING),
        sixteen AS (PARTITION BY user_code ORDER BY period RANGE BETWEEN 16 PRECEDING AND 1 PRECEDING)
)
SELECT
    user_code,
    period,
    COALESCE(active_8, 0) AS user_periods_active_8,
    COALESCE(purchases_4, 0) AS user_purchases_4,
    COALESCE(purchases_16, 0) AS user_purchases_16,
    period - last_at AS user_periods_since,
    period - first_at AS user_periods_known
FROM windowed
WHERE taken_at IS NULL
ORDER BY user_code, period
