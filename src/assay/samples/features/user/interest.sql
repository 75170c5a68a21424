-- How widely the user buys: entropy (nats) of the shares of categories and brands in all purchases so far.
-- With counts n and their total N it is ln N - sum(n ln n) / N; n ln n is summed as it grows, in millionths,
-- because sums of integers do not depend on the order of threads.
WITH bought AS (
    SELECT user_code, 'category' AS kind, category AS class, period, COUNT(*) AS n
    FROM taken WHERE category >= 0 GROUP BY user_code, category, period
    UNION ALL
    SELECT user_code, 'brand' AS kind, brand AS class, period, COUNT(*) AS n
    FROM taken WHERE brand >= 0 GROUP BY user_code, brand, period
),
counted AS (
    SELECT
        user_code, kind, period, n,
        SUM(n) OVER (
            PARTITION BY user_code, kind, class ORDER BY period ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS grown
    FROM bought
),
steps AS (
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
                AS BIGINT) ELSE 0 END) AS brands_step,
        FALSE AS asked
    FROM counted
    GROUP BY user_code, period
    UNION ALL
    SELECT user_code, period, 0, 0, 0, 0, TRUE FROM wanted
),
windowed AS (
    SELECT
        user_code,
        period,
        asked,
        SUM(categories_n) OVER past AS categories_n,
        SUM(brands_n) OVER past AS brands_n,
        SUM(categories_step) OVER past AS categories_sum,
        SUM(brands_step) OVER past AS brands_sum
    FROM steps
    WINDOW past AS (PARTITION BY user_code ORDER BY period RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
SELECT
    user_code,
    period,
    CASE WHEN categories_n > 0 THEN LN(categories_n) - categories_sum / 1000000.0 / categories_n END
        AS user_category_entropy,
    CASE WHEN brands_n > 0 THEN LN(brands_n) - brands_sum / 1000000.0 / brands_n END AS user_brand_entropy
FROM windowed
WHERE asked
ORDER BY user_code, period
