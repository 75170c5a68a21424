-- How many users took the item for the first time lately, each halved in 7 and 28 days (in millionths until the end), and such
-- first takings as a share of all takings (one a user and period) that fade with 56 days.
WITH bought AS (
    SELECT user_code, item_code, period FROM taken GROUP BY user_code, item_code, period
),
marked AS (
    SELECT
        item_code, period,
        CASE WHEN ROW_NUMBER() OVER (PARTITION BY user_code, item_code ORDER BY period) = 1 THEN 1 ELSE 0 END AS fresh
    FROM bought
),
facts AS (
    SELECT item_code, period, COUNT(*) AS takings, SUM(fresh) AS fresh FROM marked GROUP BY item_code, period
),
items AS (
    SELECT
        wanted.item_code,
        wanted.period,
        SUM(fresh * CAST(ROUND(1000000 * POWER(0.5, (wanted.period - facts.period) * period_days / 7.0)) AS BIGINT)) AS fresh_7,
        SUM(fresh * CAST(ROUND(1000000 * POWER(0.5, (wanted.period - facts.period) * period_days / 28.0)) AS BIGINT)) AS fresh_28,
        SUM(fresh * CAST(ROUND(1000000 * POWER(0.5, (wanted.period - facts.period) * period_days / 56.0)) AS BIGINT)) AS fresh_56,
        SUM(takings * CAST(ROUND(1000000 * POWER(0.5, (wanted.period - facts.period) * period_days / 56.0)) AS BIGINT))
            AS takings_56
    FROM wanted
    CROSS JOIN parameters
    JOIN facts ON facts.item_code = wanted.item_code AND facts.period < wanted.period
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
