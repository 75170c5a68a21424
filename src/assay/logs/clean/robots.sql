-- Users whose log rate (events per active day) is far above the median, in robust standard deviations (1.4826 MAD),
-- and who were very busy on at least one day.
WITH days AS (
    SELECT user_id, CAST(timestamp AS DATE) AS day, COUNT(*) AS events
    FROM events
    GROUP BY user_id, CAST(timestamp AS DATE)
),
rates AS (
    SELECT user_id, LN(CAST(SUM(events) AS DOUBLE) / COUNT(*)) AS rate, MAX(events) AS busiest
    FROM days
    GROUP BY user_id
),
middle AS (SELECT MEDIAN(rate) AS center FROM rates),
spread AS (SELECT MEDIAN(ABS(rate - center)) AS mad FROM rates CROSS JOIN middle),
robots AS (
    SELECT rates.user_id
    FROM rates CROSS JOIN middle CROSS JOIN spread CROSS JOIN parameters
    WHERE rate - center > robot_z * 1.4826 * mad AND busiest >= robot_min_per_day
)
SELECT events.event_id, 'user is a robot: events per day far beyond all others' AS reason
FROM events JOIN robots ON events.user_id = robots.user_id
