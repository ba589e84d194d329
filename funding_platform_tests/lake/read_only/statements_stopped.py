"""Statements that would take for ever or all of the memory, and are stopped by a limit."""

from collections.abc import Mapping
from typing import Final

_HUGE = "range(100000000000)"

STOPPED: Final[Mapping[str, str]] = {
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
