-- The user's takings of the item, one a day at most, each halved in 7 to 365 days (in millionths until the end); the same per
-- trip of the user, each trip fading too; its share of all that the user took; days since the last taking, and these over the
-- mean gap between two (unknown before the second). Then by the period: periods in which it was taken, periods since the last,
-- and these over the mean gap between two: how due it is.
WITH asked AS (
    SELECT wanted.*, period * period_days AS start FROM wanted CROSS JOIN parameters
),
spans AS ( -- ages in days alone, so that no engine joins them to takings before it knows who asks
    SELECT DISTINCT starts.start - past.day AS age
    FROM (SELECT DISTINCT start FROM asked) AS starts
    CROSS JOIN (SELECT DISTINCT day FROM trips) AS past
),
ages AS (
    SELECT
        age,
        CAST(ROUND(1000000 * POWER(0.5, age / 7.0)) AS BIGINT) AS left_7,
        CAST(ROUND(1000000 * POWER(0.5, age / 14.0)) AS BIGINT) AS left_14,
        CAST(ROUND(1000000 * POWER(0.5, age / 28.0)) AS BIGINT) AS left_28,
        CAST(ROUND(1000000 * POWER(0.5, age / 56.0)) AS BIGINT) AS left_56,
        CAST(ROUND(1000000 * POWER(0.5, age / 112.0)) AS BIGINT) AS left_112,
        CAST(ROUND(1000000 * POWER(0.5, age / 365.0)) AS BIGINT) AS left_365
    FROM spans WHERE age > 0
),
users AS (
    SELECT
        mine.user_code,
        mine.period,
        SUM(left_28) AS trips_28,
        SUM(left_112) AS trips_112,
        SUM(trips.items * left_56) AS items_56
    FROM (SELECT DISTINCT user_code, period, start FROM asked) AS mine
    JOIN trips ON trips.user_code = mine.user_code AND trips.period < mine.period
    JOIN ages ON ages.age = mine.start - trips.day
    GROUP BY mine.user_code, mine.period
),
pairs AS (
    SELECT
        asked.user_code,
        asked.item_code,
        asked.period,
        SUM(left_7) AS faded_7,
        SUM(left_14) AS faded_14,
        SUM(left_28) AS faded_28,
        SUM(left_56) AS faded_56,
        SUM(left_112) AS faded_112,
        SUM(left_365) AS faded_365,
        MIN(age) AS since,
        MAX(age) - MIN(age) AS span,
        COUNT(*) AS days,
        MIN(bought.period) AS first_period,
        MAX(bought.period) AS last_period,
        SUM(opens) AS periods
    FROM asked
    JOIN bought ON bought.user_code = asked.user_code AND bought.item_code = asked.item_code AND bought.period < asked.period
    JOIN ages ON ages.age = asked.start - bought.day
    GROUP BY asked.user_code, asked.item_code, asked.period
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
    CASE WHEN days > 1 THEN since * (days - 1.0) / span END AS pair_gaps_since,
    COALESCE(periods, 0) AS pair_times_bought,
    wanted.period - last_period AS pair_periods_since,
    CASE WHEN periods > 1 THEN (wanted.period - last_period) * (periods - 1.0) / (last_period - first_period) END AS pair_due
FROM wanted
LEFT JOIN pairs
    ON pairs.user_code = wanted.user_code AND pairs.item_code = wanted.item_code AND pairs.period = wanted.period
LEFT JOIN users ON users.user_code = wanted.user_code AND users.period = wanted.period
ORDER BY wanted.user_code, wanted.item_code, wanted.period
