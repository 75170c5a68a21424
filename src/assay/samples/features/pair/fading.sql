-- The user's takings of the item, one a day at most, each halved in 7 to 365 days (in millionths until the end); the same per
-- trip of the user, each trip fading too; its share of all that the user took; days since the last taking, and these over the
-- mean gap between two (unknown before the second).
WITH days AS (
    SELECT user_code, item_code, period, day FROM taken GROUP BY user_code, item_code, period, day
),
asked_users AS (
    SELECT user_code, period FROM wanted GROUP BY user_code, period
),
trips AS (
    SELECT user_code, period, day, COUNT(DISTINCT item_code) AS items FROM taken GROUP BY user_code, period, day
),
users AS (
    SELECT
        asked_users.user_code,
        asked_users.period,
        SUM(CAST(ROUND(1000000 * POWER(0.5, (asked_users.period * period_days - trips.day) / 28.0)) AS BIGINT)) AS trips_28,
        SUM(CAST(ROUND(1000000 * POWER(0.5, (asked_users.period * period_days - trips.day) / 112.0)) AS BIGINT)) AS trips_112,
        SUM(trips.items * CAST(ROUND(1000000 * POWER(0.5, (asked_users.period * period_days - trips.day) / 56.0)) AS BIGINT))
            AS items_56
    FROM asked_users
    CROSS JOIN parameters
    JOIN trips ON trips.user_code = asked_users.user_code AND trips.period < asked_users.period
    GROUP BY asked_users.user_code, asked_users.period
),
pairs AS (
    SELECT
        wanted.user_code,
        wanted.item_code,
        wanted.period,
        SUM(CAST(ROUND(1000000 * POWER(0.5, (wanted.period * period_days - days.day) / 7.0)) AS BIGINT)) AS faded_7,
        SUM(CAST(ROUND(1000000 * POWER(0.5, (wanted.period * period_days - days.day) / 14.0)) AS BIGINT)) AS faded_14,
        SUM(CAST(ROUND(1000000 * POWER(0.5, (wanted.period * period_days - days.day) / 28.0)) AS BIGINT)) AS faded_28,
        SUM(CAST(ROUND(1000000 * POWER(0.5, (wanted.period * period_days - days.day) / 56.0)) AS BIGINT)) AS faded_56,
        SUM(CAST(ROUND(1000000 * POWER(0.5, (wanted.period * period_days - days.day) / 112.0)) AS BIGINT)) AS faded_112,
        SUM(CAST(ROUND(1000000 * POWER(0.5, (wanted.period * period_days - days.day) / 365.0)) AS BIGINT)) AS faded_365,
        MAX(wanted.period * period_days) - MAX(days.day) AS since,
        MAX(days.day) - MIN(days.day) AS span,
        COUNT(*) AS times
    FROM wanted
    CROSS JOIN parameters
    JOIN days ON days.user_code = wanted.user_code AND days.item_code = wanted.item_code AND days.period < wanted.period
    GROUP BY wanted.user_code, wanted.item_code, wanted.period
)
SELECT
    wanted.user_code,
    wanted.item_code,
    wanted.period,
    COALESCE(faded_7, 0) / 1000000.0 AS pair_faded_7,
    COALESCE(faded_14, 0) / 1000000.0 AS pair_faded_14,
    COALESCE(faded_28, 0) / 1000000.0 AS pair_faded_28,
    COALESCE(faded_56, 0) / 1000000.0 AS pair_faded_56,
    COALESCE(faded_112, 0) / 1000000.0 AS pair_faded_112,
    COALESCE(faded_365, 0) / 1000000.0 AS pair_faded_365,
    CASE WHEN trips_28 > 0 THEN CAST(COALESCE(faded_28, 0) AS DOUBLE) / trips_28 END AS pair_trip_share_28,
    CASE WHEN trips_112 > 0 THEN CAST(COALESCE(faded_112, 0) AS DOUBLE) / trips_112 END AS pair_trip_share_112,
    CASE WHEN items_56 > 0 THEN CAST(COALESCE(faded_56, 0) AS DOUBLE) / items_56 END AS pair_share_56,
    since AS pair_days_since,
    CASE WHEN times > 1 THEN since * (times - 1.0) / span END AS pair_gaps_since
FROM wanted
LEFT JOIN pairs
    ON pairs.user_code = wanted.user_code AND pairs.item_code = wanted.item_code AND pairs.period = wanted.period
LEFT JOIN users ON users.user_code = wanted.user_code AND users.period = wanted.period
ORDER BY wanted.user_code, wanted.item_code, wanted.period
