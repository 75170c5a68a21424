-- What users took: one row per user, item and day, with the lines of it and what was paid (minor units). opens: 1 on the first
-- such day of a period; fresh: 1 on the first of all.
WITH lines AS (
    SELECT
        user_code, item_code, category, name, brand, period, day,
        COUNT(*) AS lines,
        CAST(SUM(price) AS BIGINT) AS paid,
        COUNT(price) AS priced
    FROM taken
    GROUP BY user_code, item_code, category, name, brand, period, day
)
SELECT
    *,
    CASE WHEN LAG(period) OVER past = period THEN 0 ELSE 1 END AS opens,
    CASE WHEN ROW_NUMBER() OVER past = 1 THEN 1 ELSE 0 END AS fresh
FROM lines
WINDOW past AS (PARTITION BY user_code, item_code ORDER BY day)
