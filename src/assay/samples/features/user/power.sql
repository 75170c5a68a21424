-- Purchasing power: spend and basket (minor units) in 8 periods, and where in its category's prices of the same
-- period the user buys (0 the cheapest, 1 the dearest), mean over 16 periods, in millionths until the end.
WITH facts AS (
    SELECT user_code, period, spend, visits, places, placed, FALSE AS asked FROM spent
    UNION ALL
    SELECT user_code, period, NULL, 0, 0, 0, TRUE FROM wanted
),
windowed AS (
    SELECT
        user_code,
        period,
        asked,
        SUM(spend) OVER eight AS spend_8,
        SUM(visits) OVER eight AS visits_8,
        SUM(places) OVER sixteen AS places_16,
        SUM(placed) OVER sixteen AS placed_16
    FROM facts
    WINDOW
        eight AS (PARTITION BY user_code ORDER BY period RANGE BETWEEN 8 PRECEDING AND 1 PRECEDING),
        sixteen AS (PARTITION BY user_code ORDER BY period RANGE BETWEEN 16 PRECEDING AND 1 PRECEDING)
)
SELECT
    user_code,
    period,
    spend_8 AS user_spend_8,
    CASE WHEN visits_8 > 0 THEN spend_8 / CAST(visits_8 AS DOUBLE) END AS user_basket_8,
    CASE WHEN placed_16 > 0 THEN places_16 / 1000000.0 / placed_16 END AS user_price_level_16
FROM windowed
WHERE asked
ORDER BY user_code, period
