"""Statements that are answered."""

from collections.abc import Mapping
from typing import Final

ANSWERED: Final[Mapping[str, str]] = {
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
