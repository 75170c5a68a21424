-- One round of matching: each open return looks at the last purchase before it, of the same user and item and
-- no older than clean.return_days, that still has pieces; returns of one purchase are served in order of time.
WITH candidates AS (
    SELECT
        open_returns.event_id AS return_id,
        open_returns.timestamp AS returned,
        open_returns.quantity AS wanted,
        open_purchases.event_id AS purchase_id,
        open_purchases.quantity AS available,
        ROW_NUMBER() OVER (
            PARTITION BY open_returns.event_id
            ORDER BY open_purchases.timestamp DESC, open_purchases.event_id DESC
        ) AS recency
    FROM open_returns
    JOIN open_purchases
        ON open_returns.user_id = open_purchases.user_id
        AND open_returns.item_id = open_purchases.item_id
    CROSS JOIN parameters
    WHERE open_purchases.quantity > 0
        AND (open_purchases.timestamp < open_returns.timestamp
            OR (open_purchases.timestamp = open_returns.timestamp AND open_purchases.event_id < open_returns.event_id))
        AND open_purchases.timestamp >= open_returns.timestamp - return_days * INTERVAL '1' DAY
),
served AS (
    SELECT
        return_id,
        purchase_id,
        wanted,
        available - COALESCE(SUM(wanted) OVER (
            PARTITION BY purchase_id
            ORDER BY returned, return_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS remaining
    FROM candidates
    WHERE recency = 1
)
SELECT return_id, purchase_id, LEAST(wanted, remaining) AS quantity FROM served WHERE remaining > 0
