-- Lines of one order: purchases of one item by one user at one instant, in one session. What they hold together stands at the
-- last line: pieces, money for those of a known price, and how many pieces these are.
WITH numbered AS (
    SELECT
        event_id,
        COALESCE(quantity, 1.0) AS pieces,
        price,
        MIN(event_id) OVER (PARTITION BY user_id, item_id, timestamp, session_id) AS first_id,
        COUNT(*) OVER (PARTITION BY user_id, item_id, timestamp, session_id) AS number
    FROM events
    WHERE event = 'purchase' AND COALESCE(quantity, 1.0) > 0
),
several AS (SELECT event_id, pieces, price, first_id, number FROM numbered WHERE number > 1)
SELECT
    event_id,
    first_id,
    ROW_NUMBER() OVER (PARTITION BY first_id ORDER BY event_id) = number AS is_last,
    SUM(pieces) OVER (PARTITION BY first_id ORDER BY event_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS pieces,
    SUM(pieces * price) OVER (PARTITION BY first_id ORDER BY event_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS paid,
    SUM(CASE WHEN price IS NOT NULL THEN pieces END) OVER (
        PARTITION BY first_id ORDER BY event_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS priced
FROM several
