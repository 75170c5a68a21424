-- What tells how far a user's events can be trusted, in rows to sum by user and period: purchases and what was brought back,
-- ratings and their distance (in thousandths) from the item's mean rating in the periods before, gaps between active days.
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
)
SELECT user_code, period, 0 AS taken, 0 AS returned, 0 AS deviation, 0 AS ratings,
    COUNT(gap) AS gaps, SUM(gap) AS gap, SUM(gap * gap) AS squared
FROM gaps GROUP BY user_code, period
UNION ALL
SELECT user_code, period, COUNT(*), 0, 0, 0, 0, 0, 0 FROM taken GROUP BY user_code, period
UNION ALL
SELECT user_code, period, 0, COUNT(*), 0, 0, 0, 0, 0 FROM returned GROUP BY user_code, period
UNION ALL
SELECT user_code, period, 0, 0, deviation, ratings, 0, 0, 0 FROM deviations
