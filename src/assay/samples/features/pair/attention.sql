-- Views and carts of the item by the user in 4 periods; unknown where there are none.
WITH facts AS (
    SELECT
        events.user_code,
        events.item_code,
        events.period,
        SUM(CASE WHEN events.event = 'view' THEN 1 END) AS views,
        SUM(CASE WHEN events.event = 'cart' THEN 1 END) AS carts,
        FALSE AS asked
    FROM events
    SEMI JOIN wanted ON wanted.user_code = events.user_code AND wanted.item_code = events.item_code
    WHERE events.event IN ('view', 'cart')
    GROUP BY events.user_code, events.item_code, events.period
    UNION ALL
    SELECT user_code, item_code, period, NULL, NULL, TRUE FROM wanted
),
windowed AS (
    SELECT
        user_code, item_code, period, asked, SUM(views) OVER four AS views, SUM(carts) OVER four AS carts
    FROM facts
    WINDOW four AS (PARTITION BY user_code, item_code ORDER BY period RANGE BETWEEN 4 PRECEDING AND 1 PRECEDING)
)
SELECT user_code, item_code, period, views AS pair_views_4, carts AS pair_carts_4
FROM windowed
WHERE asked
ORDER BY user_code, item_code, period
