SELECT who || '!' || id, who ILIKE 'A%', who ~ '^a', who !~* 'A', who SIMILAR TO '%(a|b)%', who IS DISTINCT FROM 'x' FROM log
SELECT at::date, id::text, '12'::int, '{1,2}'::int[], who::varchar(2), '1 day'::interval, 'a'::"char", id::float4 FROM log
SELECT date_trunc('month', at), date_part('year', at), extract(epoch FROM at), at + interval '1 day 2 hours', age(at, '2020-01-01') FROM log
SELECT at AT TIME ZONE 'Europe/Rome', to_char(at, 'YYYY-MM-DD HH24:MI:SS FMDay'), to_timestamp(1700000000), day - date '2024-01-01' FROM log
SELECT string_agg(who, ', ' ORDER BY id), array_agg(id ORDER BY id DESC), bool_and(flag), count(*) FILTER (WHERE id > 1) FROM log
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY id), mode() WITHIN GROUP (ORDER BY flag) FROM log
SELECT DISTINCT ON (flag) flag, id FROM log ORDER BY flag NULLS FIRST, id DESC
SELECT page -> 'a', page ->> 'a', page -> 'a' -> 0, page #>> '{a,2}', page @> '{"a": [1]}', page ? 'a', page ?| array['a'] FROM log
SELECT id, e FROM log, jsonb_array_elements(page -> 'a') AS e WHERE id = 1
SELECT many[1], many[1:2], 2 = ANY(many), cardinality(many), many || 5, ARRAY[[1, 2], [3, 4]], ARRAY(SELECT id FROM log) FROM log
SELECT generate_series('2024-01-01'::date, '2024-01-05'::date, '1 day')::date AS day
SELECT id, u.x, u.n FROM log, unnest(many) WITH ORDINALITY AS u(x, n)
SELECT E'a\nb\\\'', $$it's$$, $x$ a $$ b $x$, U&'\0041', B'101', 'a\b', e'\x41\u0042'
SELECT "Odd ""Name", log."id" AS "N" FROM log ORDER BY price DESC NULLS LAST, id FETCH FIRST 3 ROWS ONLY
SELECT flag, sum(id), grouping(flag) FROM log GROUP BY ROLLUP (flag) ORDER BY 1, 2
SELECT id, q.top FROM log LEFT JOIN LATERAL (SELECT max(x) AS top FROM unnest(many) AS x) q ON true ORDER BY id
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v(n, s)
SELECT 2 ^ 3, |/ 4, 5 # 3, div(7, 2), round(2.567::numeric, 2), to_hex(255), left(who, -1), split_part(who, 'b', 1) FROM log
SELECT substring(who FROM '[0-9]+'), position('b' IN who), overlay(who PLACING 'X' FROM 2 FOR 1), trim(LEADING 'a' FROM who) FROM log
SELECT row_to_json(log), jsonb_build_object('a', id), (id, who) = (1, 'a'), current_time IS NULL, pg_catalog.lower(who) FROM log WHERE id = 2
