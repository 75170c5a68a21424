SELECT strftime('%Y-%m', at), date(at, '+1 day'), datetime(at, 'start of month'), julianday(at), date('now') IS NULL FROM log
SELECT who GLOB 'a*', instr(who, 'b'), ifnull(who, 'x'), iif(id > 2, 'a', 'b'), typeof(price), printf('%.2f', id) FROM log
SELECT group_concat(who), group_concat(who, '; '), group_concat(DISTINCT flag), total(id) FROM log
SELECT json_extract(page, '$.a[0]'), page -> 'a', page ->> '$.a', json_array_length(page, '$.a'), json_object('k', id) FROM log
SELECT log.id, e.value FROM log, json_each(log.page, '$.a') AS e
SELECT [who], `id`, "price", "no column" FROM log
SELECT id IS 1, id IS NOT 1, id == 1, who NOTNULL, who ISNULL, 0x41, x'41', 'a' + 1, '12abc' + 1, who COLLATE NOCASE = 'x' FROM log
SELECT cast(who AS INTEGER), cast(exact AS DECIMAL), cast('7' AS NUMERIC), cast(at AS DATETIME), cast(day AS DATE), cast(id AS BOOLEAN) FROM log
SELECT id FROM log LIMIT 1, 2
SELECT max(1, 2), min('a', 'b'), round(1.256, 2), substr(who, -2), trim(who, 'a'), mod(7, 3), log2(8), quote(who) FROM log
SELECT rowid, exact < '2', exact = '1.10', id = '1' FROM log NOT INDEXED
WITH t(n) AS (VALUES (1), (2)) SELECT n FROM t
SELECT 'x' AS 'alias', TRUE, 1 IN (), 6 & 3, 6 | 1, 1 << 2, 'a%' LIKE 'a\%' ESCAPE '\'
