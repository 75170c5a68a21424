-- Template of a feature family: the share of the user's purchases of 16 periods that fell on the last two days of
-- a period. Tables: taken (target events), events (all others and ratings), returned, wanted (the keys asked for).
-- Only earlier periods may count: every window ends at 1 PRECEDING.
WITH facts AS (
    SELECT user_code, period, COUNT(*) AS n, SUM(CASE WHEN day % 7 >= 5 THEN 1 ELSE 0 END) AS late, FALSE AS asked
    FROM taken
    GROUP BY user_code, period
    UNION ALL
    SELECT user_code, period, 0, 0, TRUE FROM wanted
),
windowed AS (
    SELECT user_code, period, asked, SUM(n) OVER sixteen AS n, SUM(late) OVER sixteen AS late
    FROM facts
    WINDOW sixteen AS (PARTITION BY user_code ORDER BY period RANGE BETWEEN 16 PRECEDING AND 1 PRECEDING)
)
SELECT user_code, period, CASE WHEN n > 0 THEN CAST(late AS DOUBLE) / n END AS user_late_share_16
FROM windowed
WHERE asked
ORDER BY user_code, period
