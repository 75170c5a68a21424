SELECT date_format(at, '%Y-%m-%d %H:%i:%s'), date_format(at, '%W %M %e %c %y %k %l %p %j %u %v %x %f') FROM log
SELECT date_add(at, INTERVAL 1 DAY), at + INTERVAL 1 MONTH, date_add(day, INTERVAL 1.5 DAY), date_sub(at, INTERVAL '1:30' MINUTE_SECOND) FROM log
SELECT unix_timestamp(at), from_unixtime(1700000000), str_to_date('01/02/2024', '%d/%m/%Y'), last_day(at), year(at), week(at, 1) FROM log
SELECT if(id > 2, 'x', 'y'), ifnull(who, 'none'), isnull(who), id DIV 2, id MOD 2, id XOR 1, !flag, id || 0, id <=> 1 FROM log
SELECT group_concat(who ORDER BY id DESC SEPARATOR '; '), group_concat(DISTINCT flag), group_concat(id, '-', price) FROM log
SELECT who REGEXP '^a', who RLIKE 'b', who NOT REGEXP 'x', regexp_replace(who, '[a-z]', '#') FROM log
SELECT x'4142', 0x4142, 0x41 + 0, x'41' + 0, b'101' + 0, _utf8mb4'x', N'y', "double", 'a\'b', 'a\nb\t\\ \% \_ \q' FROM log
SELECT who LIKE '50\%%', who LIKE '%\\\\%', who LIKE BINARY 'A%' FROM log
SELECT json_extract(page, '$.a[0]'), json_unquote(json_extract(page, '$.a[2]')), json_value(page, '$.a[1]'), json_length(page) FROM log
SELECT cast(price AS SIGNED), cast(at AS DATE), cast(at AS DATETIME(3)), convert(who USING utf8mb4), BINARY who FROM log WHERE id < 4
SELECT id FROM log LIMIT 1, 2
SELECT SQL_NO_CACHE STRAIGHT_JOIN log.`id` AS 'key' FROM `log` USE INDEX () WHERE flag IS NOT TRUE
SELECT substring_index(who, 'b', 1), locate('b', who), concat_ws(',', id, who), char(65 USING utf8mb4), md5(who), hex(who) FROM log
SELECT flag, sum(id) FROM log GROUP BY flag WITH ROLLUP
SELECT 5--1, 5 - -1, extract(YEAR_MONTH FROM at) FROM log # end
SELECT timestampdiff(DAY, at, '2025-01-01'), datediff('2025-01-01', at), curdate() IS NULL, utc_timestamp(3) IS NULL FROM log
SELECT * FROM json_table('[{"a": 1}, {"a": 2}]', '$[*]' COLUMNS(n FOR ORDINALITY, a INT PATH '$.a')) AS j
SELECT /*+ MAX_EXECUTION_TIME(1000) */ id FROM log
