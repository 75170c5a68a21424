-- How widely the user buys: entropy (nats) of the shares of categories and brands in all purchases so far.
-- With counts n and their total N it is ln N - sum(n ln n) / N; n ln n is summed as it grows.
WITH steps AS (
    SELECT user_code, period, categories_n, brands_n, categories_step, brands_step, FALSE AS asked FROM tastes
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
