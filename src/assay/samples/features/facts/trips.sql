-- Days on which users took anything: lines, distinct items, and how many of these the user took for the first time.
SELECT
    user_code, period, day,
    CAST(SUM(lines) AS BIGINT) AS lines,
    COUNT(*) AS items,
    CAST(SUM(fresh) AS BIGINT) AS fresh
FROM bought
GROUP BY user_code, period, day
