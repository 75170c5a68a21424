-- What users spent in a period (minor units) on how many visits, and where in its category's prices of the same period each
-- purchase stood (0 the cheapest, 1 the dearest), summed in millionths.
WITH ranked AS (
    SELECT
        user_code,
        period,
        visit,
        price * COALESCE(quantity, 1) AS spend,
        CASE WHEN price IS NOT NULL THEN CAST(ROUND(1000000 * PERCENT_RANK() OVER (
            PARTITION BY category, period ORDER BY price
        )) AS BIGINT) END AS place
    FROM taken
)
SELECT
    user_code,
    period,
    SUM(CAST(ROUND(spend) AS BIGINT)) AS spend,
    COUNT(DISTINCT visit) AS visits,
    SUM(place) AS places,
    COUNT(place) AS placed
FROM ranked
GROUP BY user_code, period
