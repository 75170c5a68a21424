-- The same user, item, kind (query and list) in the same session again within a few seconds: all but the first of a
-- burst. A return is no repeat of its purchase; a purchase is one only of a purchase with the same pieces and price.
WITH crowded AS (
    SELECT user_id, item_id, event, session_id
    FROM events
    GROUP BY user_id, item_id, event, session_id
    HAVING COUNT(*) > 1
),
timed AS (
    SELECT
        events.event_id,
        events.timestamp,
        LAG(events.timestamp) OVER (
            PARTITION BY
                events.user_id, events.item_id, events.event, events.session_id, events.query, events.list_id,
                COALESCE(events.quantity < 0, FALSE),
                CASE WHEN events.event = 'purchase' THEN events.quantity END,
                CASE WHEN events.event = 'purchase' THEN events.price END
            ORDER BY events.timestamp, events.event_id
        ) AS before
    FROM events
    JOIN crowded
        ON events.user_id = crowded.user_id
        AND events.item_id IS NOT DISTINCT FROM crowded.item_id
        AND events.event = crowded.event
        AND events.session_id IS NOT DISTINCT FROM crowded.session_id
)
SELECT event_id, 'repeated within clean.repeat_seconds' AS reason
FROM timed CROSS JOIN parameters
WHERE timestamp <= before + repeat_microseconds * INTERVAL '1' MICROSECOND
