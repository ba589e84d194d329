"""The query door: what it answers, what it refuses, and what it stops."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.lake import connect
from funding_platform.lake.errors import (
    LakeMissingError,
    QueryCrashedError,
    QueryError,
    QueryMemoryError,
    QueryRefusedError,
    QueryTimeoutError,
    QueryTooLargeError,
)
from funding_platform.lake.read_only.query import QueryLimits, ask, query
from funding_platform.lake.read_only.server import SERVER, QueryServer, Reply
from funding_platform.lake.read_only.walls import REFUSED_VIEWS, refuse_unless_reading
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import january_of, rates
from funding_platform_tests.lake.read_only.statements import STATEMENTS, Statement, Verdict

MiB = 2**20
STOPPED = (QueryTimeoutError, QueryMemoryError, QueryTooLargeError)

SMALL = QueryLimits(seconds=60, cpu_seconds=0.25, memory="256MiB", answer="64MiB")
"""Little enough for many statements in one run of the tests; no time on the clock decides."""
LARGE = QueryLimits(seconds=60, cpu_seconds=5, memory="1GiB", answer="256MiB")

SHARED = 256 * MiB
"""What a query's process has in memory before it begins, and more."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(data_dir=tmp_path_factory.mktemp("filled") / "data")
    with Lake(settings) as lake, lake.commit("run", "rates") as transaction:
        # Enough rows to leave DuckLake's inlining, so that Parquet files are read too.
        transaction.replace(FUNDING_RATES, rates(symbols=50, hours=24), january_of())
    return settings


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files that are nobody's business."""
    folder = tmp_path_factory.mktemp("outside")
    for ending, text in {"txt": "secret", "csv": "a,b\n1,2\n", "json": '{"a": 1}'}.items():
        (folder / f"secret.{ending}").write_text(text)
    pl.DataFrame({"a": [1]}).write_parquet(folder / "secret.parquet")
    duckdb.connect(str(folder / "secret.duckdb")).close()
    return folder


def placed(statement: Statement, settings: Settings, outside: Path) -> str:
    """A statement with the places that it speaks of."""
    sql = statement.sql
    for name, place in {
        "{files}": settings.lake_dir / "files",
        "{catalog}": settings.lake_dir / "catalog.sqlite",
        "{outside}": outside,
    }.items():
        sql = sql.replace(name, str(place))
    return sql


def of(verdict: Verdict) -> list[Statement]:
    return [statement for statement in STATEMENTS if statement.verdict == verdict]


def names(statements: list[Statement]) -> list[str]:
    return [statement.name for statement in statements]


def files_below(*folders: Path) -> dict[Path, int]:
    """Sizes of all files; SQLite's own beside a catalog come and go with its readers."""
    found = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path: path.stat().st_size for path in found if not path.name.endswith(("-shm", "-wal"))}


def standing_at_a_wall(statements: list[Statement]) -> list[Statement]:
    """Those that are refused for what they say, which takes no process to find out.

    What is nested so deeply that it might crash a parser is not tried here.
    """
    found = []
    with duckdb.connect(config={"threads": 1}) as parser:
        for statement in statements:
            if statement.name.startswith(BEFORE_PARSING):
                continue
            try:
                refuse_unless_reading(parser, statement.sql)
            except QueryError:
                found.append(statement)
    return found


BEFORE_PARSING = ("deep ", "a long ", "2,000,000", "half a", "a NUL")
AT_A_WALL = standing_at_a_wall(of("refused"))
THROUGH_THE_DOOR = [
    *(statement for statement in of("refused") if statement not in AT_A_WALL),
    *AT_A_WALL[::10],
]
"""Those that a later wall stops, or DuckDB itself; and a few of the others: the door is shut."""

Outcomes = Callable[[Statement], pl.DataFrame]


@pytest.fixture(scope="module")
def untouched(filled: Settings, outside: Path) -> dict[Path, int]:
    """The files as they are before anything is asked."""
    return files_below(filled.data_dir, outside)


@pytest.fixture(scope="module")
def by_itself(filled: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The lake, asked without the door."""
    with connect(filled) as lake:
        yield lake


@pytest.fixture(scope="module")
def outcomes(filled: Settings, outside: Path, untouched: dict[Path, int]) -> Iterator[Outcomes]:
    """Answers to statements, of which several run side by side."""
    with ThreadPoolExecutor(3) as pool:
        running: Mapping[Statement, Future[pl.DataFrame]] = {
            statement: pool.submit(query, placed(statement, filled, outside), filled)
            for statement in (*THROUGH_THE_DOOR, *of("answered"))
        }
        yield lambda statement: running[statement].result()


# --- what is answered, and what is refused


@pytest.mark.parametrize("statement", of("answered"), ids=names(of("answered")))
def test_reading_is_answered_as_duckdb_answers_it(
    by_itself: duckdb.DuckDBPyConnection, outcomes: Outcomes, statement: Statement
) -> None:
    assert_frame_equal(outcomes(statement), by_itself.execute(statement.sql).pl())


def test_what_statements_say_is_enough_to_refuse_most() -> None:
    assert len(AT_A_WALL) > 90


@pytest.mark.parametrize("statement", THROUGH_THE_DOOR, ids=names(THROUGH_THE_DOOR))
def test_all_else_is_refused(outcomes: Outcomes, statement: Statement) -> None:
    with pytest.raises(QueryError) as raised:
        outcomes(statement)
    assert not isinstance(raised.value, (*STOPPED, QueryCrashedError))


def test_no_statement_leaves_a_trace(
    filled: Settings, outside: Path, untouched: dict[Path, int], outcomes: Outcomes
) -> None:
    for statement in THROUGH_THE_DOOR:
        with pytest.raises(QueryError):
            outcomes(statement)
    assert files_below(filled.data_dir, outside) == untouched


@pytest.mark.chaos
def test_no_statement_that_stands_at_a_wall_leaves_a_trace(filled: Settings, outside: Path) -> None:
    before = files_below(filled.data_dir, outside)
    for statement in AT_A_WALL:
        with pytest.raises(QueryError):
            query(placed(statement, filled, outside), filled)
    assert files_below(filled.data_dir, outside) == before
    assert query("SELECT count(*) FROM core.funding_rates", filled).item() == 1_200


def test_an_empty_answer_keeps_its_types(filled: Settings) -> None:
    sql = "SELECT funding_time, 1::DECIMAL(9, 2) AS d, [1] AS l FROM core.funding_rates WHERE false"
    assert query(sql, filled).schema == {
        "funding_time": pl.Datetime("us", "UTC"),
        "d": pl.Decimal(9, 2),
        "l": pl.List(pl.Int32),
    }


def test_intervals_are_durations_of_days_that_have_24_hours(filled: Settings) -> None:
    found = query(
        "SELECT unnest([INTERVAL '1 day 2 hours', INTERVAL '-3 microseconds', NULL]) AS i", filled
    )
    assert found["i"].dtype == pl.Duration("us")
    assert found["i"].dt.total_microseconds().to_list() == [26 * 3_600 * 10**6, -3, None]
    nothing = query("SELECT INTERVAL 1 DAY AS i WHERE false", filled)
    assert nothing.schema == {"i": pl.Duration("us")}


def test_an_interval_of_months_is_refused_by_name(filled: Settings) -> None:
    with pytest.raises(QueryError, match=r'column i is an INTERVAL of months.*\n.*"i"::VARCHAR'):
        query("SELECT INTERVAL 1 MONTH AS i", filled)


def test_local_python_variables_are_out_of_reach(filled: Settings) -> None:
    secret = rates()
    assert secret.height
    with pytest.raises(QueryError, match="secret"):
        query("SELECT * FROM secret", filled)


@pytest.mark.parametrize(
    ("sql", "message"), [("SELEC 1", "parsed"), ("SELECT nope FROM core.funding_rates", "nope")]
)
def test_mistakes_are_explained(filled: Settings, sql: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        query(sql, filled)


def test_a_refusal_says_what_to_write_instead(filled: Settings) -> None:
    with pytest.raises(QueryRefusedError, match="hint: write a SELECT"):
        query("DROP TABLE core.funding_rates", filled)


def test_a_lake_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(LakeMissingError, match="hint: collect something first"):
        query("SELECT 1", Settings(data_dir=tmp_path))


def test_no_built_in_view_tells_where_the_lake_is(
    filled: Settings, by_itself: duckdb.DuckDBPyConnection
) -> None:
    views = by_itself.execute(
        "SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE internal AND NOT "
        f"list_contains({sorted(REFUSED_VIEWS)}, view_name)"
    ).fetchall()
    assert len(views) > 30
    told = [f"SELECT '{view}' AS view, t::VARCHAR AS told FROM {view} t" for (view,) in views]
    found = query(" UNION ALL ".join(told), filled)
    assert found["view"].n_unique() > 10
    assert found.filter(pl.col("told").str.contains(str(filled.data_dir), literal=True)).is_empty()


# --- what is stopped


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


# --- the process of a query


def children_of(pid: int) -> dict[int, str]:
    """States of the processes that a process has started, by id."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # ended in the meantime
        if int(parent) == pid:
            found[int(stat.parent.name)] = state
    return found


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what is bound to come; pytest's own limit ends it otherwise."""
    while not condition():
        time.sleep(0.01)


ENDLESS = "SELECT levenshtein(repeat('a', 400000), repeat('b', 400000))"


def test_queries_run_side_by_side_and_leave_no_process(filled: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: query(f"SELECT {n} AS n", filled).item(), range(16)))
    assert found == list(range(16))
    server = SERVER._process
    assert server is not None
    wait_until(lambda: not children_of(server.pid))


def test_one_that_is_stopped_harms_no_other(filled: Settings) -> None:
    limits = QueryLimits(cpu_seconds=0.5)
    with ThreadPoolExecutor(2) as pool:
        stopped = pool.submit(query, ENDLESS, filled, limits=limits)
        assert query("SELECT 1 AS a", filled).item() == 1
        with pytest.raises(QueryTimeoutError):
            stopped.result()


def test_a_server_that_was_killed_is_started_again(filled: Settings) -> None:
    assert query("SELECT 1 AS a", filled).item() == 1
    server = SERVER._process
    assert server is not None
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(query, ENDLESS, filled)
        wait_until(lambda: bool(children_of(server.pid)))
        (child,) = children_of(server.pid)
        server.kill()
        with pytest.raises(QueryError, match="killed from outside"):
            lost.result()
    wait_until(lambda: not Path(f"/proc/{child}").exists())
    assert query("SELECT 2 AS a", filled).item() == 2


def test_a_query_that_crashes_its_process_is_said_to(filled: Settings) -> None:
    assert query("SELECT 1 AS a", filled).item() == 1
    server = SERVER._process
    assert server is not None
    with ThreadPoolExecutor(1) as pool:
        crashing = pool.submit(query, ENDLESS, filled)
        wait_until(lambda: bool(children_of(server.pid)))
        (child,) = children_of(server.pid)
        os.kill(child, signal.SIGSEGV)
        with pytest.raises(QueryCrashedError, match="Segmentation fault"):
            crashing.result()


@pytest.mark.chaos
def test_a_caller_that_forks_has_a_server_of_its_own(filled: Settings) -> None:
    assert query("SELECT 1 AS a", filled).item() == 1
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from funding_platform.lake.read_only.query import query\n"
        "from funding_platform.settings import Settings\n"
        "settings = Settings(data_dir=Path(sys.argv[1]))\n"
        "query('SELECT 1', settings)\n"
        "child = os.fork()\n"
        "answer = query('SELECT 7 AS a', settings).item()\n"
        "if child == 0:\n"
        "    sys.exit(answer)\n"
        "print(answer, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(filled.data_dir)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("7 7\n", "", 0)


@pytest.fixture
def asking(filled: Settings) -> Iterator[subprocess.Popen[str]]:
    """A program that asks for what takes for ever, and its query's process runs."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from funding_platform.lake.read_only.query import query\n"
        "from funding_platform.settings import Settings\n"
        f'query("{ENDLESS}", Settings(data_dir=Path(sys.argv[1])))\n'
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(filled.data_dir)], stderr=subprocess.PIPE, text=True
    ) as program:
        wait_until(lambda: bool(processes_below(program.pid)[1:]))
        yield program
        program.kill()


def processes_below(pid: int) -> list[int]:
    """The server of a program, and the processes that it forked."""
    servers = list(children_of(pid))
    return servers + [child for server in servers for child in children_of(server)]


def test_a_query_ends_with_whoever_asked(asking: subprocess.Popen[str]) -> None:
    below = processes_below(asking.pid)
    asking.kill()
    asking.communicate()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below))


def test_an_interrupted_wait_kills_the_query(filled: Settings) -> None:
    server = QueryServer()
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    with tempfile.TemporaryFile(buffering=0) as rows:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            server.ask(endless_request(filled), rows, seconds=60)
    timer.join()
    process = server._process
    assert process is not None
    wait_until(lambda: not children_of(process.pid))
    server.close()
    assert process.returncode == 0


def endless_request(settings: Settings) -> dict[str, object]:
    limits = {"seconds": 60, "cpu_seconds": 60, "memory": 2**30, "answer": 2**20, "threads": 1}
    return {"sql": ENDLESS, "settings": settings.model_dump(mode="json"), "limits": limits}


def test_no_secret_reaches_the_process_of_a_query(
    filled: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_COINGECKO_API_KEY", "sesame")
    settings = Settings(data_dir=filled.data_dir)
    server = QueryServer()
    request = endless_request(settings) | {"sql": "SELECT 1"}
    with tempfile.TemporaryFile(buffering=0) as rows:
        assert server.ask(request, rows, seconds=60).status == 0
    assert server._process is not None
    environment = Path(f"/proc/{server._process.pid}/environ").read_bytes()
    server.close()
    assert b"sesame" not in environment
    assert "sesame" not in str(request)
