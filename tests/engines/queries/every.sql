SELECT * FROM log; -- all
SELECT id, who FROM log WHERE who LIKE '%:x' OR id > 2
SELECT count(*) AS n, /* the last */ max(id) AS m FROM log -- end
SELECT DISTINCT flag FROM log ORDER BY flag DESC
SELECT flag, count(*) AS n, sum(price) FROM log GROUP BY flag HAVING count(*) > 1 ORDER BY 1
SELECT CASE WHEN id > 2 THEN 'big' WHEN id = 2 THEN 'two' ELSE NULL END AS size FROM log
SELECT a.id, b.who FROM log a JOIN log b ON a.id = b.id + 1 LEFT JOIN log AS c ON c.id = a.id AND c.flag ORDER BY a.id
SELECT id FROM log WHERE id IN (SELECT max(id) FROM log GROUP BY flag) AND NOT who IS NULL ORDER BY id
SELECT id FROM log UNION ALL SELECT id FROM log WHERE id = 1 ORDER BY id LIMIT 3
WITH x AS (SELECT id, who FROM log WHERE id > 1), y(k) AS (SELECT id FROM x) SELECT * FROM y JOIN x ON x.id = y.k ORDER BY 1
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n
SELECT id, row_number() OVER (PARTITION BY flag ORDER BY id DESC) AS r, lag(id, 1) OVER (ORDER BY id) FROM log ORDER BY id
SELECT id, sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM log
SELECT id / 2, id % 2, 7 / 2, 7.0 / 2, 1.50, 1e3, 0.1 + 0.2, 1 - (2 - 3), - -id, 9223372036854775807 FROM log
SELECT 'it''s', 'tab	tab', '%s %% :x', '', '/*! no */ -- no comment', exact * 1.1 FROM log
SELECT coalesce(who, 'none'), nullif(id, 2), abs(exact), upper(who), length(who), trim(who), replace(who, 'a', 'b') FROM log
SELECT cast(id AS CHAR(5)), cast(exact AS DECIMAL(10, 1)), cast('2024-01-02' AS DATE) FROM log
SELECT id FROM log WHERE EXISTS (SELECT 1 FROM log b WHERE b.id = log.id AND b.flag) AND price BETWEEN 0 AND 1
