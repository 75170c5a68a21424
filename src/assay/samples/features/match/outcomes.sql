-- What became of the item for the query, in all periods before: times shown (unknown where no list is on record), clicks and
-- purchases, clicks a show smoothed by one in ten (ten shows of an item that nobody knows), share of the query's clicks.
WITH clicked AS (
    SELECT query_code, period, SUM(clicked) AS clicks FROM searched GROUP BY query_code, period
),
asked_queries AS (
    SELECT query_code, period FROM wanted GROUP BY query_code, period
),
both_queries AS (
    SELECT query_code, period, clicks, FALSE AS wanted FROM clicked
    UNION ALL
    SELECT query_code, period, 0, TRUE FROM asked_queries
),
totals AS (
    SELECT
        query_code, period, wanted,
        SUM(clicks) OVER (
            PARTITION BY query_code ORDER BY period RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS clicks
    FROM both_queries
),
facts AS (
    SELECT
        query_code, item_code, period,
        SUM(shown) AS shown, SUM(clicked) AS clicked, SUM(bought) AS bought, FALSE AS asked
    FROM searched
    GROUP BY query_code, item_code, period
    UNION ALL
    SELECT query_code, item_code, period, 0, 0, 0, TRUE FROM wanted
),
windowed AS (
    SELECT
        query_code, item_code, period, asked,
        COALESCE(SUM(shown) OVER past, 0) AS shown,
        COALESCE(SUM(clicked) OVER past, 0) AS clicked,
        COALESCE(SUM(bought) OVER past, 0) AS bought
    FROM facts
    WINDOW past AS (PARTITION BY query_code, item_code ORDER BY period RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
SELECT
    windowed.query_code,
    windowed.item_code,
    windowed.period,
    CASE WHEN shown > 0 THEN shown END AS match_shown,
    clicked AS match_clicks,
    bought AS match_purchases,
    CASE WHEN shown > 0 THEN (clicked + 1.0) / (GREATEST(shown, clicked) + 10.0) END AS match_click_rate,
    clicked / (COALESCE(totals.clicks, 0) + 1.0) AS match_click_share
FROM windowed
JOIN totals ON totals.query_code = windowed.query_code AND totals.period = windowed.period AND totals.wanted
WHERE windowed.asked
ORDER BY windowed.query_code, windowed.item_code, windowed.period
