-- Times before the first that is plausible, or in the future.
SELECT
    event_id,
    CASE WHEN timestamp < earliest THEN 'before clean.earliest' ELSE 'after clean.latest, or in the future' END AS reason
FROM events CROSS JOIN parameters
WHERE timestamp < earliest OR timestamp > latest
