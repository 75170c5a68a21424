-- What the user did besides the target: views, carts and searches in 4 periods; unknown where the log has none.
WITH facts AS (
    SELECT
        user_code,
        period,
        SUM(CASE WHEN event IN ('view', 'exposure') THEN 1 ELSE 0 END) AS views,
        SUM(CASE WHEN event = 'cart' THEN 1 ELSE 0 END) AS carts,
        SUM(CASE WHEN event = 'search' THEN 1 ELSE 0 END) AS searches,
        FALSE AS asked
    FROM events
    WHERE event IN ('view', 'exposure', 'cart', 'search')
    GROUP BY user_code, period
    UNION ALL
    SELECT user_code, period, NULL, NULL, NULL, TRUE FROM wanted
),
windowed AS (
    SELECT
        user_code, period, asked,
        SUM(views) OVER four AS views, SUM(carts) OVER four AS carts, SUM(searches) OVER four AS searches
    FROM facts
    WINDOW four AS (PARTITION BY user_code ORDER BY period RANGE BETWEEN 4 PRECEDING AND 1 PRECEDING)
)
SELECT user_code, period, views AS user_views_4, carts AS user_carts_4, searches AS user_searches_4
FROM windowed
WHERE asked
ORDER BY user_code, period
