-- How many users took the item for the first time lately, each halved in 7 and 28 days (in millionths until the end), and such
-- first takings as a share of all takings (one a user and period) that fade with 56 days.
WITH spans AS (
    SELECT DISTINCT asked.period - past.period AS apart
    FROM (SELECT DISTINCT period FROM wanted) AS asked
    CROSS JOIN (SELECT DISTINCT period FROM sold) AS past
),
ages AS (
    SELECT
        apart,
        CAST(ROUND(1000000 * POWER(0.5, apart * period_days / 7.0)) AS BIGINT) AS left_7,
        CAST(ROUND(1000000 * POWER(0.5, apart * period_days / 28.0)) AS BIGINT) AS left_28,
        CAST(ROUND(1000000 * POWER(0.5, apart * period_days / 56.0)) AS BIGINT) AS left_56
    FROM spans CROSS JOIN parameters WHERE apart > 0
),
items AS (
    SELECT
        wanted.item_code,
        wanted.period,
        SUM(fresh * left_7) AS fresh_7,
        SUM(fresh * left_28) AS fresh_28,
        SUM(fresh * left_56) AS fresh_56,
        SUM(takings * left_56) AS takings_56
    FROM wanted
    JOIN sold ON sold.item_code = wanted.item_code AND sold.period < wanted.period
    JOIN ages ON ages.apart = wanted.period - sold.period
    GROUP BY wanted.item_code, wanted.period
)
SELECT
    wanted.item_code,
    wanted.period,
    COALESCE(fresh_7, 0) / 1000000.0 AS item_first_buyers_7,
    COALESCE(fresh_28, 0) / 1000000.0 AS item_first_buyers_28,
    CASE WHEN takings_56 > 0 THEN CAST(fresh_56 AS DOUBLE) / takings_56 END AS item_first_share
FROM wanted
LEFT JOIN items ON items.item_code = wanted.item_code AND items.period = wanted.period
ORDER BY wanted.item_code, wanted.period
