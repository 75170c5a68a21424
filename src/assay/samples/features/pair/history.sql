-- The user's own past with the item: periods in which it was taken, periods since the last, and how due it is:
-- periods since the last over the usual gap between two (unknown before the second).
WITH facts AS (
    SELECT taken.user_code, taken.item_code, taken.period, taken.period AS taken_at
    FROM taken
    SEMI JOIN wanted ON wanted.user_code = taken.user_code AND wanted.item_code = taken.item_code
    GROUP BY taken.user_code, taken.item_code, taken.period
    UNION ALL
    SELECT user_code, item_code, period, NULL FROM wanted
),
windowed AS (
    SELECT
        user_code, item_code, period, taken_at,
        COUNT(taken_at) OVER past AS times, MIN(taken_at) OVER past AS first_at, MAX(taken_at) OVER past AS last_at
    FROM facts
    WINDOW past AS (PARTITION BY user_code, item_code ORDER BY period RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
SELECT
    user_code,
    item_code,
    period,
    times AS pair_times_bought,
    period - last_at AS pair_periods_since,
    CASE WHEN times > 1 THEN (period - last_at) * (times - 1.0) / (last_at - first_at) END AS pair_due
FROM windowed
WHERE taken_at IS NULL
ORDER BY user_code, item_code, period
