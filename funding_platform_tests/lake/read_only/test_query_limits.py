"""What the query door stops: too long, too much memory, too large an answer."""

import tempfile
from typing import Any

import pytest

from funding_platform.lake.errors import (
    QueryError,
    QueryMemoryError,
    QueryTimeoutError,
    QueryTooLargeError,
)
from funding_platform.lake.read_only.query import QueryLimits, ask, query
from funding_platform.lake.read_only.server import Reply
from funding_platform.settings import Settings
from funding_platform_tests.lake.read_only.asking import (
    LARGE,
    SHARED,
    SMALL,
    STOPPED,
    MiB,
    names,
    of,
)
from funding_platform_tests.lake.read_only.statements import Statement


def cost_of(sql: str, settings: Settings, limits: QueryLimits) -> Reply:
    """What a query used, however it ended."""
    with tempfile.TemporaryFile(buffering=0) as rows:
        return ask(sql, settings, limits, rows)


def check_that_it_is_stopped(statement: Statement, settings: Settings, limits: QueryLimits) -> None:
    with pytest.raises(STOPPED) as raised:
        query(statement.sql, settings, limits=limits)
    assert raised.value.hint


SAMPLE = [*of("stopped")[:5], *of("stopped")[5::8]]
"""Those that were seen to take gigabytes and minutes, and one in eight of the others."""


@pytest.mark.parametrize("statement", SAMPLE, ids=names(SAMPLE))
def test_what_needs_too_much_is_stopped(filled: Settings, statement: Statement) -> None:
    check_that_it_is_stopped(statement, filled, SMALL)


@pytest.mark.chaos
@pytest.mark.parametrize("statement", of("stopped"), ids=names(of("stopped")))
def test_what_needs_too_much_is_stopped_under_any_limits(
    filled: Settings, statement: Statement
) -> None:
    check_that_it_is_stopped(statement, filled, LARGE)


@pytest.mark.parametrize("statement", of("stopped")[:2], ids=names(of("stopped")[:2]))
def test_a_stopped_query_stayed_within_its_limits(filled: Settings, statement: Statement) -> None:
    used = cost_of(statement.sql, filled, SMALL)
    assert used.peak <= 256 * MiB + SHARED
    # Opening the lake and ending a process are the machine's to time, not the query's.
    assert used.cpu_seconds < 20


def test_a_query_ends_in_time(filled: Settings) -> None:
    endless = (
        "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range % 7 = b.range % 3"
    )
    with pytest.raises(QueryTimeoutError, match=r"more than 0.3 s"):
        query(endless, filled, limits=QueryLimits(seconds=0.3))


def test_a_query_that_takes_too_much_cpu_is_told_so(filled: Settings) -> None:
    limits = QueryLimits(seconds=300, cpu_seconds=0.1)
    with pytest.raises(QueryTimeoutError, match=r"more than 0.1 s of CPU"):
        query("SELECT levenshtein(repeat('a', 300000), repeat('b', 300000))", filled, limits=limits)


def test_a_query_that_takes_too_much_memory_is_told_so(filled: Settings) -> None:
    limits = QueryLimits(memory="100MiB")
    with pytest.raises(QueryMemoryError, match="more than 100 MiB"):
        query("SELECT length(array_to_string(range(100000000), ','))", filled, limits=limits)


def test_an_answer_too_large_says_how_to_take_it_in_parts(filled: Settings) -> None:
    limits = QueryLimits(answer="1MiB")
    with pytest.raises(QueryTooLargeError, match=r"larger than 1 MiB\n.*LIMIT"):
        query("SELECT range FROM range(1000000)", filled, limits=limits)
    assert query("SELECT range FROM range(1000)", filled, limits=limits).height == 1_000


@pytest.mark.parametrize(
    "wrong",
    [
        {"seconds": 0},
        {"seconds": float("nan")},
        {"seconds": float("inf")},
        {"cpu_seconds": -1},
        {"memory": "much"},
        {"answer": "0MiB"},
        {"threads": 0},
    ],
)
def test_a_limit_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(QueryError, match=next(iter(wrong))):
        QueryLimits(**wrong)
