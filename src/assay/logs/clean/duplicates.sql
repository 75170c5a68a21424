-- Rows equal in every column: all but the first. The cheap grouping finds the few rows worth comparing in full.
WITH crowded AS (
    SELECT user_id, item_id, timestamp
    FROM events
    GROUP BY user_id, item_id, timestamp
    HAVING COUNT(*) > 1
),
numbered AS (
    SELECT
        events.event_id,
        ROW_NUMBER() OVER (
            PARTITION BY
                events.user_id, events.item_id, events.timestamp, events.event, events.session_id, events.query,
                events.quantity, events.price, events.rating, events.list_id, events.position, events.propensity
            ORDER BY events.event_id
        ) AS copy
    FROM events
    JOIN crowded
        ON events.user_id = crowded.user_id
        AND events.item_id IS NOT DISTINCT FROM crowded.item_id
        AND events.timestamp = crowded.timestamp
)
SELECT event_id, 'equal to an earlier row in every column' AS reason FROM numbered WHERE copy > 1
