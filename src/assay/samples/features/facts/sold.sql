-- What items sold in a period: takings (distinct users), how many of these were their users' first, and prices (minor units).
SELECT
    item_code, period,
    CAST(SUM(opens) AS BIGINT) AS takings,
    CAST(SUM(fresh) AS BIGINT) AS fresh,
    CAST(SUM(paid) AS BIGINT) AS paid,
    CAST(SUM(priced) AS BIGINT) AS priced
FROM bought
GROUP BY item_code, period
