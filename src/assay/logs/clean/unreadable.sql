-- Rows that name nobody, nothing, no time or no known kind of event. A search needs no item.
SELECT
    event_id,
    CASE
        WHEN user_id IS NULL OR TRIM(CAST(user_id AS VARCHAR)) = '' THEN 'no user id'
        WHEN event IS NULL OR event NOT IN ('view', 'cart', 'purchase', 'return', 'review', 'search', 'exposure')
            THEN 'unknown kind of event'
        WHEN event <> 'search' AND (item_id IS NULL OR TRIM(CAST(item_id AS VARCHAR)) = '') THEN 'no item id'
        ELSE 'no readable time'
    END AS reason
FROM events
WHERE user_id IS NULL OR TRIM(CAST(user_id AS VARCHAR)) = ''
    OR event IS NULL
    OR event NOT IN ('view', 'cart', 'purchase', 'return', 'review', 'search', 'exposure')
    OR (event <> 'search' AND (item_id IS NULL OR TRIM(CAST(item_id AS VARCHAR)) = ''))
    OR timestamp IS NULL
