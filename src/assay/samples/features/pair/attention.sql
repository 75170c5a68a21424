-- Views and carts of the item by the user in 4 periods; unknown where there are none.
WITH facts AS (
    SELECT
        user_code,
        item_code,
        period,
        SUM(CASE WHEN event = 'view' THEN 1 END) AS views,
        SUM(CASE WHEN event = 'cart' THEN 1 END) AS carts
    FROM events
    WHERE event IN ('view', 'cart')
    GROUP BY user_code, item_code, period
),
pairs AS (
    SELECT wanted.user_code, wanted.item_code, wanted.period, SUM(views) AS views, SUM(carts) AS carts
    FROM wanted
    JOIN facts
        ON facts.user_code = wanted.user_code AND facts.item_code = wanted.item_code
        AND facts.period < wanted.period AND facts.period >= wanted.period - 4
    GROUP BY wanted.user_code, wanted.item_code, wanted.period
)
SELECT wanted.user_code, wanted.item_code, wanted.period, views AS pair_views_4, carts AS pair_carts_4
FROM wanted
LEFT JOIN pairs
    ON pairs.user_code = wanted.user_code AND pairs.item_code = wanted.item_code AND pairs.period = wanted.period
ORDER BY wanted.user_code, wanted.item_code, wanted.period
