"""Statements that people, programs and attackers may send, and what becomes of each.

``{files}`` is the folder of the lake's files, ``{catalog}`` its catalog, ``{outside}`` a folder
beside it that holds ``secret`` with the endings txt, csv, json, parquet and duckdb. The file is one
table of cases, and so longer than others.
"""

from typing import Literal, NamedTuple

Verdict = Literal["answered", "refused", "stopped"]
"""``refused`` is every error other than being stopped by a limit."""


class Statement(NamedTuple):
    """What is sent under which name, and what becomes of it."""

    name: str
    sql: str
    verdict: Verdict


_ANSWERED = {
    "all rows": "SELECT * FROM core.funding_rates ORDER BY ALL",
    "from first": "FROM core.funding_rates ORDER BY ALL LIMIT 10",
    "common table": "WITH r AS (FROM core.funding_rates) SELECT count(*) FROM r",
    "describe": "DESCRIBE core.funding_rates",
    "summarize": "SUMMARIZE core.funding_rates",
    "show tables": "SHOW TABLES",
    "show all tables": "SHOW ALL TABLES",
    "values": "VALUES (1, 'a'), (2, NULL)",
    "trailing semicolon": "SELECT 1 AS a;",
    "comment": "-- what is it\nSELECT 1 AS a /* one */",
    "empty": "SELECT * FROM core.funding_rates WHERE venue = 'nobody'",
    "empty of every column": "SELECT 1 AS a, 'x' AS b, [1] AS c, {'d': 1} AS e WHERE false",
    "no rows, no columns named alike": "SELECT 1 AS a, 2 AS a WHERE false",
    "columns of one name": "SELECT 1 AS a, 2 AS a, 3 AS A, 4 AS a_1, 5 AS b, 6 AS B_1, 7 AS b",
    "unnamed columns": "SELECT 1, 1, count(*) FROM core.funding_rates",
    "decimal": "SELECT 1.50::DECIMAL(10, 3) AS a, -0.001::DECIMAL(38, 30) AS b",
    "hugeint": "SELECT sum(range) AS a, 12345678901234567890123456789::HUGEINT AS b FROM range(10)",
    "uhugeint": "SELECT 12345678901234567890123456789::UHUGEINT AS a",
    "small integers": "SELECT 1::TINYINT, 2::UTINYINT, 3::SMALLINT, 4::USMALLINT, 5::UBIGINT",
    "float": "SELECT 0.1::FLOAT AS a, 'nan'::DOUBLE AS b, 'infinity'::DOUBLE AS c, -0.0::DOUBLE "
    "AS d",
    "boolean": "SELECT true AS a, NULL::BOOLEAN AS b",
    "null": "SELECT NULL AS a",
    "json": """SELECT '{"a": [1, {"b": null}]}'::JSON AS a, json_object('x', 1) AS b""",
    "json by path": """SELECT '{"a": [1, 2]}'::JSON -> '$.a[1]' AS a""",
    "blob": r"SELECT '\x00\xff\x1b'::BLOB AS a, ''::BLOB AS b",
    "bitstring": "SELECT '10101'::BIT AS a",
    "uuid": "SELECT '00000000-0000-0000-0000-000000000001'::UUID AS a",
    "timestamp with a zone": "SELECT TIMESTAMPTZ '2025-01-01 12:00:00+02' AS a",
    "timestamps of every precision": "SELECT '2025-01-01'::TIMESTAMP_S, "
    "'2025-01-01'::TIMESTAMP_MS, "
    "'2025-01-01'::TIMESTAMP, '2025-01-01 00:00:00.123456789'::TIMESTAMP_NS",
    "date and time": "SELECT DATE '2025-01-01' AS a, TIME '10:00:00.5' AS b",
    "date before 1970": "SELECT DATE '1901-01-01' AS a, TIMESTAMP '1901-01-01 01:02:03' AS b",
    "list": "SELECT [1, NULL, 3] AS a, []::INTEGER[] AS b, NULL::INTEGER[] AS c",
    "nested list": "SELECT [[1], [], NULL] AS a",
    "array": "SELECT [1.5, 2]::DOUBLE[2] AS a",
    "struct": "SELECT {'a': 1, 'b': {'c': 'x'}} AS s",
    "map": "SELECT MAP {'a': 1, 'b': NULL} AS m",
    "list of structs": "SELECT list({'t': funding_time, 'r': funding_rate} ORDER BY funding_time, "
    "venue_symbol) AS a FROM core.funding_rates WHERE venue_symbol = 'S1USDT'",
    "enum": "SELECT 'x'::ENUM('x', 'y') AS a",
    "text of the world": "SELECT 'Zürich 日本 \u202e 😀' AS a, chr(27) AS b, chr(0) AS c",
    "quotes": """SELECT 'it''s "quoted"' AS "a ""b" """,
    "dollar quotes": "SELECT $$it's$$ AS a",
    "long text": "SELECT repeat('ab', 100000) AS a",
    "group by": "SELECT venue, venue_symbol, avg(funding_rate) FROM core.funding_rates "
    "GROUP BY ALL ORDER BY ALL",
    "grouping sets": "SELECT venue, count(*) FROM core.funding_rates "
    "GROUP BY GROUPING SETS ((venue), ()) ORDER BY ALL",
    "window": "SELECT venue_symbol, sum(funding_rate) OVER w AS s FROM core.funding_rates "
    "WINDOW w AS (PARTITION BY venue_symbol ORDER BY funding_time ROWS 3 PRECEDING) ORDER BY ALL",
    "qualify": "SELECT venue_symbol FROM core.funding_rates "
    "QUALIFY row_number() OVER (PARTITION BY venue_symbol ORDER BY funding_time) = 1 ORDER BY ALL",
    "self join": "SELECT count(*) FROM core.funding_rates a JOIN core.funding_rates b "
    "USING (venue, venue_symbol, funding_time)",
    "asof join": "SELECT count(*) FROM core.funding_rates a ASOF JOIN core.funding_rates b "
    "ON a.venue_symbol = b.venue_symbol AND a.funding_time >= b.funding_time",
    "lateral": "SELECT a.range, b.x FROM range(3) a, LATERAL (SELECT a.range + 1 AS x) b ORDER "
    "BY 1",
    "correlated": "SELECT (SELECT max(range) FROM range(5) b WHERE b.range <= a.range) AS m "
    "FROM range(3) a ORDER BY 1",
    "union by name": "SELECT 1 AS a UNION ALL BY NAME SELECT 2 AS b",
    "recursive": "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 50) "
    "SELECT sum(n) FROM t",
    "series": "SELECT * FROM generate_series(1, 5)",
    "unnest": "SELECT unnest([1, 2, 3]) AS a",
    "unnest as a table": "SELECT * FROM unnest([1, 2, 3])",
    "pivot with values": "FROM (PIVOT core.funding_rates ON venue_symbol IN ('S1USDT', 'S2USDT') "
    "USING count(*) GROUP BY venue)",
    "unpivot": "FROM (UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b) ORDER BY ALL",
    "lambda": "SELECT list_transform([1, 2], lambda x: x * 2) AS a",
    "columns": "SELECT max(COLUMNS('funding_.*')) FROM core.funding_rates",
    "exclude": "SELECT * EXCLUDE (observed_at) FROM core.funding_rates ORDER BY ALL LIMIT 1",
    "regular expression": "SELECT regexp_extract('BTCUSDT', '^(.*)USDT$', 1) AS a",
    "dates": "SELECT date_trunc('month', funding_time) AS m, count(*) FROM core.funding_rates "
    "GROUP BY 1 ORDER BY 1",
    "statistics": "SELECT median(funding_rate), quantile_cont(funding_rate, 0.9), "
    "stddev(funding_rate) FROM core.funding_rates",
    "format": "SELECT format('{:.3f}', 1.5) AS a, printf('%05d', 7) AS b",
    "sample of all": "SELECT count(*) FROM core.funding_rates USING SAMPLE 100%",
    "tables by function": "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'core' "
    "ORDER BY 1",
    "columns by view": "SELECT column_name FROM duckdb_columns WHERE table_name = 'funding_rates'",
    "information schema": "SELECT table_name FROM information_schema.tables ORDER BY ALL LIMIT 5",
    "snapshots": "SELECT snapshot_id, commit_message FROM lake.snapshots() ORDER BY 1",
    "changes": "SELECT count(*) FROM core.table_changes('funding_rates', 2, 2)",
    "as it was": "SELECT count(*) FROM core.funding_rates AT (VERSION => 1)",
    "the lake's name before": "SELECT count(*) FROM lake.core.funding_rates",
    "200 nested selects": "SELECT * FROM "
    + "(SELECT * FROM " * 200
    + "(SELECT 1 AS a)"
    + ")" * 200,
    "400 nested selects": "SELECT * FROM "
    + "(SELECT * FROM " * 400
    + "(SELECT 1 AS a)"
    + ")" * 400,
    "100,000 characters": f"SELECT length('{'x' * 100_000}') AS a",
    "5,000 columns": "SELECT " + ", ".join(f"{n} AS c{n}" for n in range(5_000)),
}

_REFUSED = {
    "nothing": "",
    "only a comment": "-- SELECT 1",
    "not sql": "SELEC 1",
    "no such column": "SELECT nope FROM core.funding_rates",
    "no such table": "SELECT * FROM core.nope",
    "division of a text": "SELECT 'a'::INTEGER",
    "raised": "SELECT error('boom')",
    "two statements": "SELECT 1; SELECT 2",
    "one hidden behind": "SELECT 1; DELETE FROM core.funding_rates",
    "a NUL in between": "SELECT 1 \0; DELETE FROM core.funding_rates",
    "half a character": "SELECT '\ud800'",
    "insert": "INSERT INTO core.funding_rates SELECT * FROM core.funding_rates",
    "insert returning": "INSERT INTO core.funding_rates SELECT * FROM core.funding_rates "
    "RETURNING *",
    "update": "UPDATE core.funding_rates SET funding_rate = 0",
    "delete": "DELETE FROM core.funding_rates",
    "delete within": "WITH d AS (DELETE FROM core.funding_rates RETURNING *) SELECT * FROM d",
    "merge": "MERGE INTO core.funding_rates t USING core.funding_rates s ON false WHEN NOT MATCHED "
    "THEN INSERT",
    "truncate": "TRUNCATE core.funding_rates",
    "drop": "DROP TABLE core.funding_rates",
    "alter": "ALTER TABLE core.funding_rates ADD COLUMN x INTEGER",
    "create table": "CREATE TABLE t AS SELECT 1",
    "create in memory": "CREATE TABLE memory.t AS SELECT 1",
    "create temp table": "CREATE TEMP TABLE t AS SELECT 1",
    "create view": "CREATE VIEW v AS SELECT 1",
    "create macro": "CREATE MACRO f(x) AS x + 1",
    "create table macro": "CREATE MACRO f() AS TABLE SELECT * FROM "
    "read_text('{outside}/secret.txt')",
    "create secret": "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "create type": "CREATE TYPE t AS ENUM ('a')",
    "create sequence": "CREATE SEQUENCE s",
    "begin": "BEGIN",
    "checkpoint": "CHECKPOINT",
    "vacuum": "VACUUM",
    "analyze": "ANALYZE",
    "use": "USE memory",
    "prepare": "PREPARE p AS SELECT 1",
    "copy into the lake's folder": "COPY (SELECT 1) TO '{files}/x.csv'",
    "copy out": "COPY core.funding_rates TO '{outside}/x.csv'",
    "copy to a program": "COPY (SELECT 1) TO '/dev/stdout'",
    "copy in": "COPY core.funding_rates FROM '{outside}/secret.csv'",
    "copy a database": "COPY FROM DATABASE lake TO memory",
    "explained copy": "EXPLAIN ANALYZE COPY (SELECT 1) TO '{files}/x.csv'",
    "explained delete": "EXPLAIN ANALYZE DELETE FROM core.funding_rates",
    "explain": "EXPLAIN SELECT 1",
    "explain analyze": "EXPLAIN ANALYZE SELECT 1",
    "attach": "ATTACH '{outside}/secret.duckdb'",
    "detach": "DETACH lake",
    "export": "EXPORT DATABASE '{outside}'",
    "import": "IMPORT DATABASE '{outside}'",
    "install": "INSTALL httpfs",
    "load": "LOAD httpfs",
    "set": "SET enable_external_access = true",
    "set memory": "SET memory_limit = '100GB'",
    "reset": "RESET lock_configuration",
    "set variable": "SET VARIABLE x = 1",
    "pragma": "PRAGMA database_size",
    "pragma as a table": "SELECT * FROM pragma_database_size()",
    "call": "CALL lake.set_option('parquet_row_group_size', 1)",
    "pivot without values": "PIVOT core.funding_rates ON venue_symbol USING count(*)",
    "read a text": "SELECT * FROM read_text('{outside}/secret.txt')",
    "read a blob": "SELECT * FROM read_blob('{outside}/secret.txt')",
    "read a csv": "SELECT * FROM read_csv('{outside}/secret.csv')",
    "read a csv, detecting": "SELECT * FROM read_csv_auto('{outside}/secret.csv')",
    "sniff a csv": "FROM sniff_csv('{outside}/secret.csv')",
    "read json": "SELECT * FROM read_json('{outside}/secret.json')",
    "read json lines": "SELECT * FROM read_ndjson_objects('{outside}/secret.json')",
    "read parquet": "SELECT * FROM read_parquet('{outside}/secret.parquet')",
    "scan parquet": "SELECT * FROM parquet_scan('{outside}/secret.parquet')",
    "parquet metadata": "SELECT * FROM parquet_metadata('{outside}/secret.parquet')",
    "parquet keys": "SELECT * FROM parquet_kv_metadata('{files}/**/*.parquet')",
    "read a database": "SELECT * FROM read_duckdb('{outside}/secret.duckdb')",
    "a file for a table": "SELECT * FROM '{outside}/secret.csv'",
    "a parquet file for a table": "SELECT * FROM '{outside}/secret.parquet'",
    "a file by a way around": "SELECT * FROM '{files}/../../../secret.parquet'",
    "a file summarized": "SUMMARIZE '{outside}/secret.csv'",
    "a file described": "DESCRIBE TABLE '{outside}/secret.csv'",
    "a device": "SELECT * FROM read_text('/dev/zero')",
    "the environment": "SELECT * FROM read_text('/proc/self/environ')",
    "over the network": "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')",
    "a url for a table": "SELECT * FROM 'https://127.0.0.1:1/x.parquet'",
    "from a bucket": "SELECT * FROM 's3://bucket/x.parquet'",
    "list files": "SELECT * FROM glob('{outside}/*')",
    "open sqlite": "SELECT * FROM sqlite_scan('{catalog}', 'ducklake_snapshot')",
    "open sqlite within": "SELECT (SELECT count(*) FROM sqlite_scan('{catalog}', "
    "'ducklake_snapshot'))",
    "open sqlite in a condition": "SELECT 1 WHERE EXISTS (FROM SQLITE_SCAN('{catalog}', 'x'))",
    "open sqlite in a window": "SELECT sum(1) OVER (ORDER BY (SELECT 1 FROM sqlite_scan('a', "
    "'b')))",
    "open sqlite in a lambda": "SELECT list_transform([1], "
    "lambda x: (SELECT count(*) FROM sqlite_scan('{catalog}', 'x')))",
    "open sqlite in a common table": "WITH a AS (FROM sqlite_scan('{catalog}', 'x')) SELECT 1",
    "open sqlite in a union": "SELECT 1 UNION ALL SELECT 1 FROM sqlite_scan('{catalog}', 'x')",
    "open sqlite in order by": "SELECT 1 ORDER BY (SELECT 1 FROM sqlite_scan('{catalog}', 'x'))",
    "open sqlite in limit": "SELECT 1 LIMIT (SELECT 1 FROM sqlite_scan('{catalog}', 'x'))",
    "open sqlite qualified": "FROM system.main.sqlite_scan('{catalog}', 'ducklake_snapshot')",
    "open sqlite described": "DESCRIBE (FROM sqlite_scan('{catalog}', 'ducklake_snapshot'))",
    "open sqlite explained": "EXPLAIN FROM sqlite_scan('{catalog}', 'ducklake_snapshot')",
    "attach sqlite": "SELECT * FROM sqlite_attach('{catalog}')",
    "ask sqlite": "SELECT * FROM sqlite_query('{catalog}', 'SELECT 1')",
    "open postgres": "SELECT * FROM postgres_scan('host=127.0.0.1', 'public', 't')",
    "ask postgres": "SELECT * FROM postgres_query('db', 'SELECT 1')",
    "a query in a text": "SELECT * FROM query('SELECT 1')",
    "a table in a text": "SELECT * FROM query_table('core.funding_rates')",
    "a query in json": "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "clean up files": "SELECT * FROM ducklake_cleanup_old_files('lake', cleanup_all => true)",
    "delete orphans": "SELECT * FROM ducklake_delete_orphaned_files('lake', cleanup_all => true)",
    "merge files": "SELECT * FROM ducklake_merge_adjacent_files('lake')",
    "expire snapshots": "SELECT * FROM ducklake_expire_snapshots('lake', versions => [1])",
    "flush": "SELECT * FROM ducklake_flush_inlined_data('lake')",
    "rewrite files": "SELECT * FROM ducklake_rewrite_data_files('lake')",
    "add files": "SELECT * FROM ducklake_add_data_files('lake', 't', '{outside}/secret.parquet')",
    "set an option": "SELECT * FROM ducklake_set_option('lake', 'x', '1')",
    "list the lake's files": "SELECT * FROM ducklake_list_files('lake', 'funding_rates')",
    "secrets": "SELECT * FROM duckdb_secrets()",
    "which secret": "SELECT * FROM which_secret('s3://x', 's3')",
    "settings": "SELECT * FROM duckdb_settings()",
    "settings, as postgres": "SELECT * FROM pg_catalog.pg_settings",
    "one setting": "SELECT current_setting('allowed_directories')",
    "one setting, elsewhere": "SELECT 1 ORDER BY system.main.CURRENT_SETTING('secret_directory')",
    "an environment variable": "SELECT getenv('HOME')",
    "databases": "SELECT * FROM duckdb_databases()",
    "databases by view": "SELECT * FROM system.main.duckdb_databases",
    "databases by pragma": 'SELECT * FROM "PRAGMA_database_list"',
    "logs": "SELECT * FROM duckdb_logs",
    "write a log": "SELECT write_log('x')",
    "turn on logging": "SELECT * FROM enable_logging()",
    "profile": "SELECT * FROM enable_profiling(save_location := '{outside}/x.json')",
    "temporary files": "SELECT * FROM duckdb_temporary_files()",
    "a pointer": "SELECT * FROM arrow_scan(1, 1, 1)",
    "another pointer": "SELECT * FROM pandas_scan(1)",
    "a variable of Python": "SELECT * FROM secret",
    "an interval of months": "SELECT INTERVAL 2 MONTH AS a",
    "an interval in a list": "SELECT [INTERVAL 1 HOUR] AS a",
    "an interval in a structure": "SELECT MAP {'a': [{'b': INTERVAL 1 HOUR}]} AS a",
    "a union": "SELECT union_value(a := 1) AS a",
    "deep parentheses": "SELECT " + "(" * 50_000 + "1" + ")" * 50_000,
    "deep subqueries": "SELECT " + "(SELECT " * 5_000 + "1" + ")" * 5_000,
    "deep negation": "SELECT " + "NOT " * 100_000 + "true",
    "deep lists": "SELECT " + "[" * 10_000 + "1" + "]" * 10_000,
    "a long sum": "SELECT " + "+".join(["1"] * 50_000),
    "a long chain of functions": "SELECT " + "abs(" * 5_000 + "1" + ")" * 5_000,
    "2,000,000 characters": f"SELECT length('{'x' * 2_000_000}') AS a",
}

_HUGE = "range(100000000000)"
_STOPPED = {
    "edit distance": "SELECT damerau_levenshtein(repeat('a', 30000), repeat('b', 30000))",
    "edit distance of long texts": "SELECT levenshtein(repeat('a', 300000), repeat('b', 300000))",
    "similarity": "SELECT jaro_winkler_similarity(repeat('ab', 2000000), repeat('ba', 2000000))",
    "array to text": "SELECT length(array_to_string(range(100000000), ','))",
    "padding to a billion": "SELECT lpad('', 2000000000, 'x')",
    "padding on the right": "SELECT length(rpad('', 2000000000, 'xy'))",
    "repeat": "SELECT length(repeat('x', 4000000000))",
    "repeat of a repeat": "SELECT length(repeat(repeat('x', 65000), 65000))",
    "repeat of lists": "SELECT len(repeat([1, 2, 3], 1000000000))",
    "a text per row": "SELECT sum(length(repeat('x', 10000000 + range % 2))) FROM range(1000000)",
    "replace": "SELECT length(replace(repeat('a', 10000000), 'a', repeat('b', 1000)))",
    "translate": f"SELECT max(length(translate(repeat('a', 1000000), 'a', 'b'))) FROM {_HUGE}",
    "concatenation": "SELECT length(concat(" + ", ".join(["repeat('x', 100000000)"] * 20) + "))",
    "doubling": "SELECT length("
    + "list_transform([repeat('x', 99999999)], lambda x: x || x || x)[1] "
    "|| repeat('y', 999999999))",
    "regular expression with many rows": "SELECT max(regexp_replace(repeat('a', 1000000), "
    f"'(a|aa)+', 'b' || range::VARCHAR, 'g')) FROM {_HUGE}",
    "regular expression, all matches": "SELECT len(regexp_extract_all(repeat('ab', 100000000), "
    "'a'))",
    "regular expression, splitting": "SELECT len(regexp_split_to_array(repeat('a,', 100000000), "
    "','))",
    "splitting": "SELECT len(string_split(repeat('a,', 100000000), ','))",
    "wide format": "SELECT length(format('{:>2000000000}', 'x'))",
    "wide printf": "SELECT length(printf('%2000000000d', 1))",
    "range as a list": "SELECT len(range(4000000000))",
    "series as a list": "SELECT len(generate_series(1, 4000000000))",
    "list transform": "SELECT list_sum(list_transform(range(200000000), lambda x: x * x))",
    "list sort": "SELECT list_sort(list_transform(range(200000000), lambda x: hash(x)))[1]",
    "list reduce": "SELECT list_reduce(range(200000000), lambda a, b: a + b)",
    "list product": "SELECT len(flatten(list_transform(range(100000), lambda x: range(100000))))",
    "list distinct": "SELECT len(list_distinct(range(200000000)))",
    "list resize": "SELECT len(list_resize([1], 2000000000))",
    "list intersect": "SELECT len(list_intersect(range(200000000), range(200000000)))",
    "list of all": f"SELECT len(list(range)) FROM {_HUGE}",
    "text of all": f"SELECT length(string_agg(range::VARCHAR, ',')) FROM {_HUGE}",
    "json of all": f"SELECT length(json_group_array(range)::VARCHAR) FROM {_HUGE}",
    "json building": "SELECT length(to_json(range(200000000))::VARCHAR)",
    "histogram of all": f"SELECT cardinality(histogram(range)) FROM {_HUGE}",
    "distinct of all": f"SELECT count(DISTINCT hash(range)) FROM {_HUGE}",
    "median of all": f"SELECT median(hash(range)) FROM {_HUGE}",
    "mode of all": f"SELECT mode(range) FROM {_HUGE}",
    "group of all": f"SELECT count(*) FROM (SELECT range FROM {_HUGE} GROUP BY range)",
    "order of all": f"SELECT sum(r) FROM (SELECT hash(range) r FROM {_HUGE} ORDER BY r LIMIT "
    f"100000000)",
    "sum of all": f"SELECT sum(sin(range)) FROM {_HUGE}",
    "count of a cross join": "SELECT count(*) FROM range(1000000) a, range(1000000) b, "
    "range(1000000) c "
    "WHERE (a.range + b.range + c.range) % 7 = 3",
    "inequality join": "SELECT count(*) FROM range(10000000) a JOIN range(10000000) b "
    "ON hash(a.range) < hash(b.range) AND hash(b.range) > a.range",
    "endless recursion": "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT (n + 1) % 7 FROM t) "
    "SELECT count(*) FROM t",
    "growing recursion": "WITH RECURSIVE t(n) AS (SELECT 'x' UNION ALL SELECT n || n FROM t) "
    "SELECT max(length(n)) FROM t",
    "doubling recursion": "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL "
    "SELECT n + b.range FROM t, range(2) b) SELECT count(*) FROM t",
    "window frames": "SELECT sum(m) FROM (SELECT quantile_cont(hash(range), 0.5) OVER (ORDER BY "
    "hash(range) ROWS BETWEEN 5000000 PRECEDING AND 5000000 FOLLOWING) m FROM range(20000000))",
    "pivot of many": "FROM (PIVOT (SELECT range % 100000 AS k, hash(range) AS h FROM "
    "range(100000000)) ON k IN (" + ", ".join(map(str, range(900))) + ") USING sum(h) GROUP BY h)",
    "bitstring": "SELECT bit_length(bitstring('1', 2000000000) | bitstring('0', 2000000000))",
    "bitstring of a range": "SELECT bit_count(bitstring_agg(r, 0, 999999999)) FROM (SELECT "
    "range AS k, "
    "unnest([1, 2]) AS r FROM range(1000)) GROUP BY k",
    "map of entries": "SELECT cardinality(map_from_entries(list_transform(range(100000000), "
    "lambda x: {'k': x, 'v': x})))",
    "map of lists": "SELECT cardinality(map(range(100000000), range(100000000)))",
    "powers": f"SELECT sum(pow(range::HUGEINT, 1.5) % 7) FROM {_HUGE}",
    "factorials": f"SELECT max((range % 33)::INTEGER !) FROM {_HUGE}",
    "checksums": f"SELECT max(sha256(repeat('x', 10000000) || range::VARCHAR)) FROM {_HUGE}",
    "base64": "SELECT length(base64(repeat('x', 1000000000)::BLOB))",
    "hexadecimal": "SELECT length(hex(repeat('x', 1000000000)))",
    "dates": "SELECT len(range(TIMESTAMP '0001-01-01', TIMESTAMP '9999-01-01', INTERVAL 1 SECOND))",
    "sleep": "SELECT sleep_ms(100000000)",
    "every row": f"SELECT *, hash(range) FROM {_HUGE}",
    "every row, wide": "SELECT repeat('x', 1000) AS x FROM range(1000000000)",
    "a long conjunction": "SELECT 1 WHERE " + " AND ".join(["1 = 1"] * 90_000),
}

_GROUPS: dict[Verdict, dict[str, str]] = {
    "answered": _ANSWERED,
    "refused": _REFUSED,
    "stopped": _STOPPED,
}

STATEMENTS = tuple(
    Statement(name, sql, verdict)
    for verdict, group in _GROUPS.items()
    for name, sql in group.items()
)
"""Each with its verdict; a name is unique within its verdict."""
