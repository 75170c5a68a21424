-- Prices, quantities and shown places that cannot be. What is unknown (null) is not impossible.
-- An item of three sales or more whose median quantity is large is sold by weight or volume: its large quantities are no mistake.
WITH by_volume AS (
    SELECT item_id
    FROM events CROSS JOIN parameters
    WHERE item_id IN (SELECT item_id FROM events CROSS JOIN parameters WHERE ABS(quantity) > max_quantity)
        AND max_quantity > 0
    GROUP BY item_id, max_quantity
    HAVING COUNT(*) >= 3 AND MEDIAN(ABS(quantity)) > max_quantity / 100
),
judged AS (
    SELECT
        events.event_id,
        CASE
            WHEN price < min_price AND (price = -9223372036854775808 OR quantity >= 0 OR quantity IS NULL)
                AND NOT (event = 'return' AND price > -9223372036854775808)
                THEN 'price below clean.min_price or no number'
            WHEN max_price > 0 AND (price > max_price OR price < -max_price) THEN 'price above clean.max_price'
            WHEN quantity = 0 THEN 'quantity is 0'
            WHEN quantity < 0 AND event NOT IN ('purchase', 'return') THEN 'negative quantity of what is no purchase'
            WHEN ISNAN(quantity) OR quantity >= CAST('Infinity' AS DOUBLE) OR quantity <= CAST('-Infinity' AS DOUBLE)
                THEN 'quantity is no number'
            WHEN max_quantity > 0 AND ABS(quantity) > max_quantity AND by_volume.item_id IS NULL
                THEN 'quantity above clean.max_quantity'
            WHEN rating >= CAST('Infinity' AS DOUBLE) OR rating <= CAST('-Infinity' AS DOUBLE) THEN 'rating is no number'
            WHEN position < 1 THEN 'position below 1'
            WHEN propensity <= 0 OR propensity > 1 THEN 'propensity not in (0, 1]'
        END AS reason
    FROM events CROSS JOIN parameters
    LEFT JOIN by_volume ON by_volume.item_id = events.item_id
)
SELECT event_id, reason FROM judged WHERE reason IS NOT NULL
