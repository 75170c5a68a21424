-- The user in the item's category: purchases in 16 periods and their share of all, periods since the last, and the usual price
-- paid there (minor units). Then takings of the category, one a day at most, each halved in 14 to 365 days (in millionths until
-- the end), days since the last, and these over the mean gap between two (unknown before the second).
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
        CAST(ROUND(1000000 * POWER(0.5, age / 14.0)) AS BIGINT) AS left_14,
        CAST(ROUND(1000000 * POWER(0.5, age / 56.0)) AS BIGINT) AS left_56,
        CAST(ROUND(1000000 * POWER(0.5, age / 365.0)) AS BIGINT) AS left_365
    FROM spans WHERE age > 0
),
users AS (
    SELECT mine.user_code, mine.period, SUM(lines) AS lines_16
    FROM (SELECT DISTINCT user_code, period, start FROM asked) AS mine
    JOIN trips ON trips.user_code = mine.user_code AND trips.period < mine.period AND trips.period >= mine.period - 16
    GROUP BY mine.user_code, mine.period
),
days AS (
    SELECT
        user_code, category, period, day,
        CAST(SUM(lines) AS BIGINT) AS lines, CAST(SUM(paid) AS BIGINT) AS paid, CAST(SUM(priced) AS BIGINT) AS priced
    FROM bought WHERE category >= 0
    GROUP BY user_code, category, period, day
),
units AS (
    SELECT
        asked.user_code,
        asked.category,
        asked.period,
        SUM(CASE WHEN days.period >= asked.period - 16 THEN lines ELSE 0 END) AS lines_16,
        SUM(paid) AS paid,
        SUM(priced) AS priced,
        MAX(days.period) AS last_period,
        SUM(left_14) AS faded_14,
        SUM(left_56) AS faded_56,
        SUM(left_365) AS faded_365,
        MIN(age) AS since,
        MAX(age) - MIN(age) AS span,
        COUNT(*) AS days
    FROM asked
    JOIN days ON days.user_code = asked.user_code AND days.category = asked.category AND days.period < asked.period
    JOIN ages ON ages.age = asked.start - days.day
    GROUP BY asked.user_code, asked.category, asked.period
)
SELECT
    wanted.user_code,
    wanted.category,
    wanted.period,
    COALESCE(units.lines_16, 0) AS category_times_16,
    CASE WHEN users.lines_16 > 0 THEN CAST(COALESCE(units.lines_16, 0) AS DOUBLE) / users.lines_16 END AS category_share_16,
    wanted.period - last_period AS category_periods_since,
    CAST(paid AS DOUBLE) / NULLIF(priced, 0) AS category_usual_price,
    COALESCE(faded_14, 0) / 1000000.0 AS category_faded_14,
    COALESCE(faded_56, 0) / 1000000.0 AS category_faded_56,
    COALESCE(faded_365, 0) / 1000000.0 AS category_faded_365,
    since AS category_days_since,
    CASE WHEN days > 1 THEN since * (days - 1.0) / span END AS category_gaps_since
FROM wanted
LEFT JOIN units
    ON units.user_code = wanted.user_code AND units.category = wanted.category AND units.period = wanted.period
LEFT JOIN users ON users.user_code = wanted.user_code AND users.period = wanted.period
ORDER BY wanted.user_code, wanted.category, wanted.period
