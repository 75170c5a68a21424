-- One round of the k-core: events of users, then of items, with too few events left.
WITH rare_users AS (
    SELECT user_id FROM events GROUP BY user_id HAVING COUNT(*) < (SELECT min_user_events FROM parameters)
),
rare_items AS (
    SELECT item_id FROM events WHERE item_id IS NOT NULL
    GROUP BY item_id HAVING COUNT(*) < (SELECT min_item_events FROM parameters)
)
SELECT
    events.event_id,
    CASE WHEN rare_users.user_id IS NOT NULL THEN 'user below clean.min_user_events'
        ELSE 'item below clean.min_item_events' END AS reason
FROM events
LEFT JOIN rare_users ON events.user_id = rare_users.user_id
LEFT JOIN rare_items ON events.item_id = rare_items.item_id
WHERE rare_users.user_id IS NOT NULL OR rare_items.item_id IS NOT NULL
