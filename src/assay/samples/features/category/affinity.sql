-- The user in the item's category: purchases in 16 periods and their share of all, periods since the last, and
-- the usual price paid there (minor units).
WITH all_bought AS (
    SELECT user_code, period, COUNT(*) AS n FROM taken GROUP BY user_code, period
),
asked_users AS (
    SELECT user_code, period FROM wanted GROUP BY user_code, period
),
both_users AS (
    SELECT user_code, period, n, FALSE AS asked FROM all_bought
    UNION ALL
    SELECT user_code, period, 0, TRUE FROM asked_users
),
totals AS (
    SELECT
        user_code, period, asked,
        SUM(n) OVER (PARTITION BY user_code ORDER BY period RANGE BETWEEN 16 PRECEDING AND 1 PRECEDING) AS total
    FROM both_users
),
facts AS (
    SELECT user_code, category, period, COUNT(*) AS n, SUM(price) AS paid, COUNT(price) AS priced, period AS taken_at
    FROM taken WHERE category >= 0
    GROUP BY user_code, category, period
    UNION ALL
    SELECT user_code, category, period, 0, 0, 0, NULL FROM wanted
),
windowed AS (
    SELECT
        user_code, category, period, taken_at,
        COALESCE(SUM(n) OVER sixteen, 0) AS n_16,
        SUM(paid) OVER past AS paid, SUM(priced) OVER past AS priced, MAX(taken_at) OVER past AS last_at
    FROM facts
    WINDOW
        past AS (PARTITION BY user_code, category ORDER BY period RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
        sixteen AS (PARTITION BY user_code, category ORDER BY period RANGE BETWEEN 16 PRECEDING AND 1 PRECEDING)
)
SELECT
    windowed.user_code,
    windowed.category,
    windowed.period,
    n_16 AS category_times_16,
    CASE WHEN total > 0 THEN CAST(n_16 AS DOUBLE) / total END AS category_share_16,
    windowed.period - last_at AS category_periods_since,
    CAST(paid AS DOUBLE) / NULLIF(priced, 0) AS category_usual_price
FROM windowed
JOIN totals ON totals.user_code = windowed.user_code AND totals.period = windowed.period AND totals.asked
WHERE windowed.taken_at IS NULL
ORDER BY windowed.user_code, windowed.category, windowed.period
