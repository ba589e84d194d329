"""What orchestration costs: one run over many months, against a run for each month.

The market has two instruments, so that collecting is cheap beside what Dagster adds. Deducted
from a run is the same flow called plainly; its asset checks, which ask the lake and not Dagster,
are left in and shown apart. Rates only are collected in either: candles of as many months would
take longer than what is measured.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import NamedTuple

from duckdb import DuckDBPyConnection

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.time_grid import Window, month_start, next_month
from funding_platform.defs.assembly import build_definitions
from funding_platform.defs.partitions import months_kept
from funding_platform.flows.checks.answer import Answer
from funding_platform.flows.checks.lake import history_fresh, keys_unique, schema_as_declared
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.lake import connect
from funding_platform.local.home import dagster_instance
from funding_platform.local.sandbox_run import SandboxRun
from funding_platform.settings import Settings, project_root
from funding_platform.venues.registry import venue_spec
from funding_platform_tests.benchmarks.measurement import (
    Measurement,
    command_seconds,
    seconds,
)
from funding_platform_tests.benchmarks.sandbox_process import RATE_LIMIT_SCALE, sandbox_process

VENUE = "binance"
SYMBOLS = 2
MONTHS = 24
REPEATS = 7


class Round(NamedTuple):
    """Seconds of one round, its parts measured right after one another."""

    together: float
    """One run of many months beyond the flow inside it."""

    single: float
    """One run of one month beyond the flow inside it."""

    checks: float
    """The questions that asset checks ask in either run."""


def run(quick: bool = False) -> list[Measurement]:
    months, repeats = (2, 1) if quick else (MONTHS, REPEATS)
    with sandbox_process(SYMBOLS) as sandbox, tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "dagster_home"
        home.mkdir()
        shutil.copy(project_root() / "data" / "dagster_home" / "dagster.yaml", home)
        # Runs read their settings from the environment; this process is the benchmark's own.
        os.environ.update(
            DAGSTER_HOME=str(home),
            FUNDING_DATA_DIR=folder,
            FUNDING_VENUE_URLS=json.dumps(sandbox.venue_urls),
            FUNDING_RATE_LIMIT_SCALE=str(RATE_LIMIT_SCALE),
        )
        world = SandboxRun(build_definitions(), dagster_instance())
        _materialise(world, 1)  # creates the lake and Dagster's own tables
        rounds = [_round(world, months) for _ in range(repeats)]
        whole = 3 if quick else _months_of_history()
        whole_rounds = [_round(world, whole) for _ in range(repeats)]
    return [
        *(
            Measurement(
                f"a run less its flow, per partition, {span} months in a run (peer: 1)",
                1e3 * median(one.together for one in measured) / span,
                "ms",
                peer=1e3 * median(one.single for one in measured),
                least_ratio=24,
            )
            for span, measured in ((whole, whole_rounds), (months, rounds))
        ),
        Measurement(
            "of which what asset checks ask the lake",
            1e3 * median(one.checks for one in rounds) / months,
            "ms",
        ),
        Measurement(
            "each further month in the run",
            1e3 * median(one.together - one.single for one in rounds) / (months - 1),
            "ms",
        ),
        Measurement(
            "load the definitions (peer: import Dagster and its dbt library)",
            _import_seconds("funding_platform.definitions", repeats),
            "s",
            peer=_import_seconds("dagster, dagster_dbt", repeats),
            least_ratio=0.27,
        ),
    ]


def _months_of_history() -> int:
    """Partitions that a backfill of everything asks for."""
    return len(months_kept(venue_spec(VENUE), datetime.now(UTC)).get_partition_keys())


def _round(world: SandboxRun, months: int) -> Round:
    def beyond_the_flow(span: int) -> float:
        return seconds(lambda: _materialise(world, span)) - seconds(lambda: _collect(span))

    return Round(beyond_the_flow(months), beyond_the_flow(1), seconds(_ask_what_checks_ask))


def _materialise(world: SandboxRun, months: int) -> None:
    assert world.backfill(VENUE, months, [FUNDING_RATES]).success


def _collect(months: int) -> None:
    """What the asset does, over the partitions that ``SandboxRun.backfill`` asks for."""
    first = last = month_start(datetime.now(UTC))
    for _ in range(months - 1):
        first = month_start(first - timedelta(days=1))
    report = collect_history(VENUE, Window(first, next_month(last)), Settings(), "benchmark")
    assert report.rows


def _ask_what_checks_ask() -> None:
    """The three questions of the asset's checks, each on a connection of its own as there."""
    questions: tuple[Callable[[DuckDBPyConnection], Answer], ...] = (
        lambda lake: schema_as_declared(lake, FUNDING_RATES),
        lambda lake: keys_unique(lake, FUNDING_RATES, VENUE),
        lambda lake: history_fresh(lake, VENUE, datetime.now(UTC)),
    )
    for ask in questions:
        with connect(Settings()) as lake:
            assert ask(lake).passed


def _import_seconds(modules: str, repeats: int) -> float:
    return command_seconds([sys.executable, "-W", "ignore", "-c", f"import {modules}"], repeats)
