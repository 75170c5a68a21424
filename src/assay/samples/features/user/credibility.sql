-- How far the user's events can be trusted: share of purchases brought back; mean distance of ratings from the
-- item's mean rating in the periods before; burstiness (s - m) / (s + m) of the gaps between active days
-- (Goh and Barabasi, EPL 2008): -1 like clockwork, 0 at random, near 1 in bursts. In thousandths until the end.
WITH rated AS (
    SELECT item_code, period, SUM(CAST(ROUND(1000 * rating) AS BIGINT)) AS total, COUNT(*) AS n
    FROM events WHERE rating IS NOT NULL GROUP BY item_code, period
),
usual AS (
    SELECT
        item_code, period,
        SUM(total) OVER earlier AS total,
        SUM(n) OVER earlier AS n
    FROM rated
    WINDOW earlier AS (PARTITION BY item_code ORDER BY period RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
deviations AS (
    SELECT
        events.user_code, events.period,
        SUM(CAST(ROUND(ABS(1000 * events.rating - CAST(usual.total AS DOUBLE) / usual.n)) AS BIGINT)) AS deviation,
        COUNT(*) AS ratings
    FROM events
    JOIN usual ON usual.item_code = events.item_code AND usual.period = events.period
    WHERE events.rating IS NOT NULL AND usual.n > 0
    GROUP BY events.user_code, events.period
),
visited AS (
    SELECT DISTINCT user_code, period, day FROM events
),
gaps AS (
    SELECT user_code, period, day - LAG(day) OVER (PARTITION BY user_code ORDER BY day) AS gap FROM visited
),
facts AS (
    SELECT user_code, period, 0 AS taken, 0 AS returned, 0 AS deviation, 0 AS ratings,
        COUNT(gap) AS gaps, SUM(gap) AS gap, SUM(gap * gap) AS squared, FALSE AS asked
    FROM gaps GROUP BY user_code, period
    UNION ALL
    SELECT user_code, period, COUNT(*), 0, 0, 0, 0, 0, 0, FALSE FROM taken GROUP BY user_code, period
    UNION ALL
    SELECT user_code, period, 0, COUNT(*), 0, 0, 0, 0, 0, FALSE FROM returned GROUP BY user_code, period
    UNION ALL
    SELECT user_code, period, 0, 0, deviation, ratings, 0, 0, 0, FALSE FROM deviations
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
