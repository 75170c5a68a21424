-- The user's takings of the name, one a day at most, each halved in 14 to 365 days (in millionths until the end), days since
-- the last, and these over the mean gap between two (unknown before the second).
WITH days AS (
    SELECT user_code, name, period, day FROM bought WHERE name >= 0 GROUP BY user_code, name, period, day
),
units AS (
    SELECT
        wanted.user_code,
        wanted.name,
        wanted.period,
        SUM(CAST(ROUND(1000000 * POWER(0.5, (wanted.period * period_days - days.day) / 14.0)) AS BIGINT)) AS faded_14,
        SUM(CAST(ROUND(1000000 * POWER(0.5, (wanted.period * period_days - days.day) / 56.0)) AS BIGINT)) AS faded_56,
        SUM(CAST(ROUND(1000000 * POWER(0.5, (wanted.period * period_days - days.day) / 365.0)) AS BIGINT)) AS faded_365,
        MAX(wanted.period * period_days) - MAX(days.day) AS since,
        MAX(days.day) - MIN(days.day) AS span,
        COUNT(*) AS times
    FROM wanted
    CROSS JOIN parameters
    JOIN days ON days.user_code = wanted.user_code AND days.name = wanted.name AND days.period < wanted.period
    GROUP BY wanted.user_code, wanted.name, wanted.period
)
SELECT
    wanted.user_code,
    wanted.name,
    wanted.period,
    COALESCE(faded_14, 0) / 1000000.0 AS name_faded_14,
    COALESCE(faded_56, 0) / 1000000.0 AS name_faded_56,
    COALESCE(faded_365, 0) / 1000000.0 AS name_faded_365,
    since AS name_days_since,
    CASE WHEN times > 1 THEN since * (times - 1.0) / span END AS name_gaps_since
FROM wanted
LEFT JOIN units
    ON units.user_code = wanted.user_code AND units.name = wanted.name AND units.period = wanted.period
ORDER BY wanted.user_code, wanted.name, wanted.period
