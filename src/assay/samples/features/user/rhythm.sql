-- How often the user comes and how much it takes: trips (days on which it took anything) that fade with a half-life of 28 and 112
-- days, distinct items per trip, days since the last trip, the mean gap between trips, and the share of first takings among
-- takings (distinct items of a day), fading with 112 days. In millionths until the end.
WITH users AS (
    SELECT
        wanted.user_code,
        wanted.period,
        SUM(CAST(ROUND(1000000 * POWER(0.5, (wanted.period * period_days - trips.day) / 28.0)) AS BIGINT)) AS trips_28,
        SUM(CAST(ROUND(1000000 * POWER(0.5, (wanted.period * period_days - trips.day) / 112.0)) AS BIGINT)) AS trips_112,
        SUM(items * CAST(ROUND(1000000 * POWER(0.5, (wanted.period * period_days - trips.day) / 112.0)) AS BIGINT)) AS items_112,
        SUM(fresh * CAST(ROUND(1000000 * POWER(0.5, (wanted.period * period_days - trips.day) / 112.0)) AS BIGINT)) AS fresh_112,
        MAX(wanted.period * period_days) - MAX(trips.day) AS since,
        MAX(trips.day) - MIN(trips.day) AS span,
        COUNT(*) AS times
    FROM wanted
    CROSS JOIN parameters
    JOIN trips ON trips.user_code = wanted.user_code AND trips.period < wanted.period
    GROUP BY wanted.user_code, wanted.period
)
SELECT
    wanted.user_code,
    wanted.period,
    COALESCE(trips_28, 0) / 1000000.0 AS user_trips_28,
    COALESCE(trips_112, 0) / 1000000.0 AS user_trips_112,
    CASE WHEN trips_112 > 0 THEN CAST(items_112 AS DOUBLE) / trips_112 END AS user_items_per_trip,
    CASE WHEN items_112 > 0 THEN CAST(fresh_112 AS DOUBLE) / items_112 END AS user_new_share,
    since AS user_days_since,
    CASE WHEN times > 1 THEN span / (times - 1.0) END AS user_trip_gap
FROM wanted
LEFT JOIN users ON users.user_code = wanted.user_code AND users.period = wanted.period
ORDER BY wanted.user_code, wanted.period
