-- Views of the item in 4 periods and its mean rating so far (in thousandths until the end); unknown without them.
WITH facts AS (
    SELECT
        item_code,
        period,
        SUM(CASE WHEN event IN ('view', 'exposure') THEN 1 END) AS views,
        SUM(CAST(ROUND(1000 * rating) AS BIGINT)) AS total,
        COUNT(rating) AS ratings,
        FALSE AS asked
    FROM events
    WHERE item_code IS NOT NULL AND (event IN ('view', 'exposure') OR rating IS NOT NULL)
    GROUP BY item_code, period
    UNION ALL
    SELECT item_code, period, NULL, NULL, 0, TRUE FROM wanted
),
windowed AS (
    SELECT
        item_code, period, asked,
        SUM(views) OVER four AS views, SUM(total) OVER past AS total, SUM(ratings) OVER past AS ratings
    FROM facts
    WINDOW
        past AS (PARTITION BY item_code ORDER BY period RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
        four AS (PARTITION BY item_code ORDER BY period RANGE BETWEEN 4 PRECEDING AND 1 PRECEDING)
)
SELECT
    item_code,
    period,
    views AS item_views_4,
    CASE WHEN ratings > 0 THEN total / 1000.0 / ratings END AS item_rating
FROM windowed
WHERE asked
ORDER BY item_code, period
