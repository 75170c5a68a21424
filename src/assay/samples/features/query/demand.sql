-- How often the query was asked in 4 and 16 periods, and the share of searches for it, of all before, that came to a click.
WITH clicks AS (
    SELECT request, MAX(clicked) AS clicked, MAX(period) AS period FROM searched GROUP BY request
),
facts AS (
    SELECT asked.query_code, asked.period, COUNT(*) AS searches, 0 AS ended, 0 AS clicked, FALSE AS wanted
    FROM asked GROUP BY asked.query_code, asked.period
    UNION ALL
    SELECT
        asked.query_code, COALESCE(clicks.period, asked.period) AS period,
        0, COUNT(*), SUM(COALESCE(clicks.clicked, 0)), FALSE
    FROM asked LEFT JOIN clicks ON clicks.request = asked.request
    GROUP BY asked.query_code, COALESCE(clicks.period, asked.period)
    UNION ALL
    SELECT query_code, period, 0, 0, 0, TRUE FROM wanted
),
windowed AS (
    SELECT
        query_code, period, wanted,
        COALESCE(SUM(searches) OVER four, 0) AS searches_4,
        COALESCE(SUM(searches) OVER sixteen, 0) AS searches_16,
        SUM(ended) OVER past AS ended, SUM(clicked) OVER past AS clicked
    FROM facts
    WINDOW
        past AS (PARTITION BY query_code ORDER BY period RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
        four AS (PARTITION BY query_code ORDER BY period RANGE BETWEEN 4 PRECEDING AND 1 PRECEDING),
        sixteen AS (PARTITION BY query_code ORDER BY period RANGE BETWEEN 16 PRECEDING AND 1 PRECEDING)
)
SELECT
    query_code,
    period,
    searches_4 AS query_searches_4,
    searches_16 AS query_searches_16,
    CASE WHEN ended > 0 THEN CAST(clicked AS DOUBLE) / ended END AS query_click_share
FROM windowed
WHERE wanted
ORDER BY query_code, period
