-- Rows that name nobody, nothing, no time or no known kind of event (table `kinds`). A search needs no item.
-- The most frequent of the unknown kinds are named.
WITH unknown AS (
    SELECT event, ROW_NUMBER() OVER (ORDER BY COUNT(*) DESC, event) AS place
    FROM events
    WHERE event IS NOT NULL AND event NOT IN (SELECT event FROM kinds)
    GROUP BY event
)
SELECT
    events.event_id,
    CASE
        WHEN user_id IS NULL OR TRIM(CAST(user_id AS VARCHAR)) = '' THEN 'no user id'
        WHEN events.event IS NULL THEN 'no kind of event'
        WHEN place <= 10 THEN CONCAT('unknown kind of event: ', SUBSTRING(events.event, 1, 40))
        WHEN place > 10 THEN 'unknown kind of event: others'
        WHEN events.event <> 'search' AND (item_id IS NULL OR TRIM(CAST(item_id AS VARCHAR)) = '') THEN 'no item id'
        ELSE 'no readable time'
    END AS reason
FROM events
LEFT JOIN unknown ON events.event = unknown.event
WHERE user_id IS NULL OR TRIM(CAST(user_id AS VARCHAR)) = ''
    OR events.event IS NULL
    OR place IS NOT NULL
    OR (events.event <> 'search' AND (item_id IS NULL OR TRIM(CAST(item_id AS VARCHAR)) = ''))
    OR timestamp IS NULL
