-- How far the user's events can be trusted: share of purchases brought back; mean distance of ratings from the
-- item's mean rating in the periods before; burstiness (s - m) / (s + m) of the gaps between active days
-- (Goh and Barabasi, EPL 2008): -1 like clockwork, 0 at random, near 1 in bursts. In thousandths until the end.
WITH facts AS (
    SELECT user_code, period, taken, returned, deviation, ratings, gaps, gap, squared, FALSE AS asked FROM trust
    UNION ALL
    SELECT user_code, period, 0, 0, 0, 0, 0, 0, 0, TRUE FROM wanted
),
windowed AS (
    SELECT
        user_code, period, asked,
        SUM(taken) OVER past AS taken, SUM(returned) OVER past AS returned,
        SUM(deviation) OVER past AS deviation, SUM(ratings) OVER past AS ratings,
        SUM(gaps) OVER past AS gaps, SUM(gap) OVER past AS gap, SUM(squared) OVER past AS squared
    FROM facts
    WINDOW past AS (PARTITION BY user_code ORDER BY period RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
spread AS (
    SELECT
        *,
        CAST(gap AS DOUBLE) / NULLIF(gaps, 0) AS mean,
        SQRT(GREATEST(CAST(squared AS DOUBLE) / NULLIF(gaps, 0)
            - (CAST(gap AS DOUBLE) / NULLIF(gaps, 0)) * (CAST(gap AS DOUBLE) / NULLIF(gaps, 0)), 0)) AS sd
    FROM windowed
)
SELECT
    user_code,
    period,
    CASE WHEN taken + returned > 0 THEN CAST(returned AS DOUBLE) / (taken + returned) END AS user_return_share,
    CASE WHEN ratings > 0 THEN deviation / 1000.0 / ratings END AS user_rating_deviation,
    CASE WHEN gaps >= 2 THEN (sd - mean) / (sd + mean) END AS user_burstiness
FROM spread
WHERE asked
ORDER BY user_code, period
