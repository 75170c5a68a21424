-- The share of the item's brand in the user's purchases of 16 periods.
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
    SELECT user_code, brand, period, COUNT(*) AS n, FALSE AS asked
    FROM taken WHERE brand >= 0
    GROUP BY user_code, brand, period
    UNION ALL
    SELECT user_code, brand, period, 0, TRUE FROM wanted
),
windowed AS (
    SELECT
        user_code, brand, period, asked,
        COALESCE(SUM(n) OVER (
            PARTITION BY user_code, brand ORDER BY period RANGE BETWEEN 16 PRECEDING AND 1 PRECEDING
        ), 0) AS n_16
    FROM facts
)
SELECT
    windowed.user_code,
    windowed.brand,
    windowed.period,
    CASE WHEN total > 0 THEN CAST(n_16 AS DOUBLE) / total END AS brand_share_16
FROM windowed
JOIN totals ON totals.user_code = windowed.user_code AND totals.period = windowed.period AND totals.asked
WHERE windowed.asked
ORDER BY windowed.user_code, windowed.brand, windowed.period
