-- The item's mean price (minor units) in the last 4 periods in which it was sold within 16, and its change:
-- ln of the mean of 4 periods over the mean of the 12 before them.
WITH facts AS (
    SELECT item_code, period, paid AS total, priced AS n, FALSE AS asked FROM sold WHERE priced > 0
    UNION ALL
    SELECT item_code, period, 0, 0, TRUE FROM wanted
),
windowed AS (
    SELECT
        item_code, period, asked,
        SUM(total) OVER four AS total_4, SUM(n) OVER four AS n_4,
        SUM(total) OVER older AS total_old, SUM(n) OVER older AS n_old
    FROM facts
    WINDOW
        four AS (PARTITION BY item_code ORDER BY period RANGE BETWEEN 4 PRECEDING AND 1 PRECEDING),
        older AS (PARTITION BY item_code ORDER BY period RANGE BETWEEN 16 PRECEDING AND 5 PRECEDING)
),
means AS (
    SELECT
        item_code, period, asked,
        CAST(total_4 AS DOUBLE) / NULLIF(n_4, 0) AS lately,
        CAST(total_old AS DOUBLE) / NULLIF(n_old, 0) AS formerly
    FROM windowed
)
SELECT
    item_code,
    period,
    COALESCE(lately, formerly) AS item_price,
    CASE WHEN lately > 0 AND formerly > 0 THEN LN(lately / formerly) END AS item_price_change
FROM means
WHERE asked
ORDER BY item_code, period
