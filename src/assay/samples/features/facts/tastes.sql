-- What users took in a period by kind of class, category and brand: how much, and by how much n ln n of the classes' counts grew
-- by it, in millionths, because sums of integers do not depend on the order of threads.
WITH counts AS (
    SELECT user_code, 'category' AS kind, category AS class, period, SUM(lines) AS n
    FROM bought WHERE category >= 0 GROUP BY user_code, category, period
    UNION ALL
    SELECT user_code, 'brand' AS kind, brand AS class, period, SUM(lines) AS n
    FROM bought WHERE brand >= 0 GROUP BY user_code, brand, period
),
counted AS (
    SELECT
        user_code, kind, period, n,
        SUM(n) OVER (
            PARTITION BY user_code, kind, class ORDER BY period ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS grown
    FROM counts
)
SELECT
    user_code,
    period,
    SUM(CASE WHEN kind = 'category' THEN n ELSE 0 END) AS categories_n,
    SUM(CASE WHEN kind = 'brand' THEN n ELSE 0 END) AS brands_n,
    SUM(CASE WHEN kind = 'category' THEN
        CAST(ROUND(1000000 * (grown * LN(grown) - CASE WHEN grown > n THEN (grown - n) * LN(grown - n) ELSE 0 END))
            AS BIGINT) ELSE 0 END) AS categories_step,
    SUM(CASE WHEN kind = 'brand' THEN
        CAST(ROUND(1000000 * (grown * LN(grown) - CASE WHEN grown > n THEN (grown - n) * LN(grown - n) ELSE 0 END))
            AS BIGINT) ELSE 0 END) AS brands_step
FROM counted
GROUP BY user_code, period
