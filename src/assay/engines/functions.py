"""The functions that a user's query may call: those of each database that only compute.

They write, lock, wait, read and change nothing outside the query's own tables and arguments. What is not here may
do anything (a function that somebody made, too) and is refused; a view in the database can call it.
"""

_COMMON = """
all any some
abs acos asin atan atan2 avg bit_and bit_count bit_length bit_or bit_xor ceil ceiling char_length character_length
coalesce concat concat_ws cos cot count cume_dist date degrees dense_rank exp first_value floor format greatest
json_array json_object lag last_value lead least left length ln log log10 lower lpad ltrim max md5 min mod now
nth_value ntile nullif octet_length percent_rank percentile_cont percentile_disc pi position pow power radians rank
regexp_instr regexp_replace regexp_substr repeat replace reverse right round row_number rpad rtrim sign sin sqrt
std stddev stddev_pop stddev_samp substr substring sum tan time timestamp trim upper var_pop var_samp variance version
"""
_MYSQL = """
add_months adddate addtime aes_decrypt aes_encrypt any_value ascii bin bin_to_uuid cast char charset chr coercibility
collation compress connection_id conv convert convert_tz crc32 crc32c curdate current_date current_time
current_timestamp current_user curtime database date_add date_format date_sub datediff day dayname dayofmonth
dayofweek dayofyear decode default elt encode export_set extractvalue field find_in_set from_base64 from_days
from_unixtime get_format group_concat grouping hex hour if ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa insert
instr is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_uuid isnull json_array_append json_array_insert
json_arrayagg json_compact json_contains json_contains_path json_depth json_detailed json_equals json_exists
json_extract json_insert json_keys json_length json_loose json_merge json_merge_patch json_merge_preserve
json_normalize json_objectagg json_overlaps json_pretty json_query json_quote json_remove json_replace json_search
json_set json_storage_size json_table json_type json_unquote json_valid json_value last_day lcase localtime
localtimestamp locate log2 make_set makedate maketime match median microsecond mid minute month monthname
natural_sort_key nvl nvl2 oct ord password period_add period_diff quarter quote rand random_bytes regexp_like schema
sec_to_time second session_user sha sha1 sha2 soundex space str_to_date strcmp subdate substring_index subtime sysdate
system_user time_format time_to_sec timediff timestampadd timestampdiff to_base64 to_char to_days to_seconds truncate
ucase uncompress uncompressed_length unhex unix_timestamp updatexml user utc_date utc_time utc_timestamp uuid
uuid_short uuid_to_bin week weekday weekofyear weight_string year yearweek
st_area st_asgeojson st_astext st_contains st_distance st_distance_sphere st_geomfromtext st_intersects st_latitude
st_longitude st_within st_x st_y point
"""
_POSTGRESQL = """
acosd acosh age any_value array array_agg array_append array_cat array_dims array_fill array_length array_lower array_ndims
array_position array_positions array_prepend array_remove array_replace array_sample array_shuffle array_to_json
array_to_string array_upper ascii asind asinh atan2d atand atanh bool_and bool_or btrim cardinality cast cbrt chr
clock_timestamp convert convert_from convert_to corr cosd cosh covar_pop covar_samp cotd current_catalog
current_database current_schema current_schemas current_setting date_add date_bin date_part date_subtract date_trunc
decode div encode erf erfc every extract factorial gamma gcd gen_random_uuid generate_series generate_subscripts
get_bit get_byte grouping initcap isempty isfinite justify_days justify_hours justify_interval lcm lgamma make_date
make_interval make_time make_timestamp make_timestamptz min_scale mode normalize num_nonnulls num_nulls nullif numeric
overlay parse_ident pg_typeof quote_ident quote_literal quote_nullable random random_normal regexp_count regexp_like
regexp_match regexp_matches regexp_split_to_array regexp_split_to_table regr_avgx regr_avgy regr_count regr_intercept
regr_r2 regr_slope regr_sxx regr_sxy regr_syy scale set_bit set_byte sha224 sha256 sha384 sha512 sind sinh split_part
starts_with statement_timestamp string_agg string_to_array string_to_table strpos tand tanh text timeofday timezone
to_ascii to_char to_date to_hex to_number to_timestamp transaction_timestamp translate trim_array trim_scale trunc
unistr unnest uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7 width_bucket varchar int4 int8 float8 row
json_agg json_array_elements json_array_elements_text json_array_length json_build_array json_build_object json_each
json_each_text json_extract_path json_extract_path_text json_object_agg json_object_keys json_populate_record
json_populate_recordset json_strip_nulls json_to_record json_to_recordset json_typeof jsonb_agg jsonb_array_elements
jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_contains jsonb_each
jsonb_each_text jsonb_exists jsonb_exists_all jsonb_exists_any jsonb_extract_path jsonb_extract_path_text jsonb_insert
jsonb_object jsonb_object_agg jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query
jsonb_path_query_array jsonb_path_query_first jsonb_populate_record jsonb_populate_recordset jsonb_pretty jsonb_set
jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof row_to_json to_json to_jsonb
abbrev broadcast family host hostmask inet_merge inet_same_family masklen netmask network set_masklen
daterange int4range int8range lower_inc lower_inf multirange numrange range_agg range_intersect_agg range_merge
tsrange tstzrange upper_inc upper_inf
array_to_tsvector numnode phraseto_tsquery plainto_tsquery querytree setweight strip to_tsquery to_tsvector
ts_headline ts_rank ts_rank_cd tsvector_to_array websearch_to_tsquery
xml_is_well_formed xmlagg xmlcomment xmlelement xmlexists xmltable xpath xpath_exists
area center diameter height point radius slope width
"""
_SQLITE = """
acosh asinh atanh cast char concat_ws datetime glob group_concat hex if ifnull iif instr json json_array_insert
json_array_length json_each json_error_position json_extract json_group_array json_group_object json_insert json_patch
json_pretty json_quote json_remove json_replace json_set json_tree json_type json_valid jsonb jsonb_array jsonb_each
jsonb_extract jsonb_group_array jsonb_group_object jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace
jsonb_set jsonb_tree julianday like likelihood likely log2 cosh median percentile printf quote random randomblob
regexp sinh soundex sqlite_version strftime string_agg substring tanh timediff total trunc typeof unhex unicode
unixepoch unlikely zeroblob
"""

HARMLESS: dict[str, frozenset[str]] = {
    "mysql": frozenset((_COMMON + _MYSQL).split()),
    "postgresql": frozenset((_COMMON + _POSTGRESQL).split()),
    "sqlite": frozenset((_COMMON + _SQLITE).split()),
}
