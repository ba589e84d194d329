"""A backfill that was ended midway: what the log says of it, and what is left to ask for."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from funding_platform.core.completeness import SCHEMA
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.prices import PRICE_CANDLES
from funding_platform.core.time_grid import Window, parse_month
from funding_platform.flows.collection.history import spans
from funding_platform.flows.collection.history.backfill import Backfilled, backfill
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.collection.history.report import HistoryReport
from funding_platform.flows.collection.history.resuming import remaining
from funding_platform.flows.progress import Listener, reported_to
from funding_platform.lake import connect
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.settings import Settings
from funding_platform_tests.flows.conftest import settings_for
from funding_platform_tests.present import PRESENT

LOG = (
    "SELECT run_id, status, error_kind, rows_written, window_start, window_end "
    "FROM core.collection_log ORDER BY started_at"
)
RATES = "SELECT * EXCLUDE (observed_at) FROM core.funding_rates ORDER BY ALL"


def months(first: str, last: str) -> Window:
    return Window(parse_month(first), Window.of_month(parse_month(last)).end)


SPRING = months("2026-03", "2026-05")


@pytest.mark.parametrize(
    ("proven", "left"),
    [
        ([], [SPRING]),
        ([SPRING], []),
        ([months("2026-01", "2026-03")], [months("2026-04", "2026-05")]),
        (
            [months("2026-04", "2026-04")],
            [months("2026-03", "2026-03"), months("2026-05", "2026-05")],
        ),
        ([Window(SPRING.start, datetime(2026, 4, 20, tzinfo=UTC))], [months("2026-04", "2026-05")]),
    ],
)
def test_what_is_left_is_whole_months_in_a_row(proven: list[Window], left: list[Window]) -> None:
    assert list(remaining(SPRING, proven)) == left


def asked(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with connect(settings) as lake:
        return lake.execute(sql).fetchall()


def interrupting(at: str, note: Callable[[], None]) -> Listener:
    """A listener that ends the process at a piece of work, once ``note`` has looked around."""

    def listen(label: str, total: int) -> Callable[[], None]:
        if label == at:
            note()
            raise KeyboardInterrupt
        return lambda: None

    return listen


BEFORE, LAST = (
    Window.of_month(parse_month(f"{PRESENT.year}-{PRESENT.month - n:02}")) for n in (2, 1)
)


def test_a_backfill_that_is_ended_is_logged_and_resumed(
    settings: Settings, tmp_path: Path, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans, "MONTHS_AT_ONCE", 1)
    window = Window(BEFORE.start, LAST.end)
    seen: list[list[tuple[Any, ...]]] = []
    stop = interrupting(f"okx {LAST.start:%Y-%m}", lambda: seen.append(asked(settings, LOG)))
    with reported_to(stop), pytest.raises(KeyboardInterrupt):
        collect_history("okx", window, settings, "ended")
    rows = len(asked(settings, RATES))
    row = ("ended", "partial", "UnfinishedError", rows, BEFORE.start, BEFORE.end)
    assert seen == [[row]]  # what a process that is killed here leaves
    assert asked(settings, LOG) == [row]

    (done,) = backfill({"okx": [FUNDING_RATES]}, window, settings, "again", resume=True)
    assert (done.proven, [report.window for report in done.reports]) == (1, [LAST])
    assert not done.short
    undisturbed = settings_for(sandbox, tmp_path / "undisturbed")
    collect_history("okx", window, undisturbed, "whole")
    assert asked(settings, RATES) == asked(undisturbed, RATES)

    (nothing,) = backfill({"okx": [FUNDING_RATES]}, window, settings, "third", resume=True)
    assert (nothing.proven, nothing.reports) == (2, [])


def test_an_attempt_that_is_ended_before_it_stores_anything_has_failed(settings: Settings) -> None:
    stop = interrupting(f"okx {LAST.start:%Y-%m}", lambda: None)
    with reported_to(stop), pytest.raises(KeyboardInterrupt):
        collect_history("okx", LAST, settings, "ended")
    assert [row[:3] for row in asked(settings, LOG)] == [("ended", "failed", "UnfinishedError")]


def test_candles_are_proven_once_every_kind_is_there(settings: Settings) -> None:
    stop = interrupting(f"okx index prices {LAST.start:%Y-%m}", lambda: None)
    with reported_to(stop), pytest.raises(KeyboardInterrupt):
        collect_history("okx", LAST, settings, "ended", PRICE_CANDLES)
    ((_, status, *_, start, end),) = asked(settings, LOG)
    assert (status, start, end) == ("partial", LAST.start, LAST.start)


def test_venues_are_read_side_by_side_and_fail_each_for_itself(settings: Settings) -> None:
    early = Window.of_month(datetime(2019, 2, 1, tzinfo=UTC))
    tables = {"hyperliquid": [FUNDING_RATES], "okx": [FUNDING_RATES], "grvt": [FUNDING_RATES]}
    done = backfill(tables, early, settings, "run")
    assert [one.venue for one in done] == list(tables)
    assert all(one.short for one in done)
    assert {row[0] for row in asked(settings, LOG)} == {f"run-{venue}" for venue in tables}


@pytest.mark.parametrize(("rows", "short"), [(18, True), (989, True), (990, False)])
def test_too_little_of_what_was_due_is_not_success(rows: int, short: bool) -> None:
    missing = pl.DataFrame(schema=SCHEMA).clear(1000 - rows)
    report = HistoryReport("okx", LAST, rows=rows, missing_settlements=missing)
    assert Backfilled("okx", FUNDING_RATES, reports=[report]).short is short
