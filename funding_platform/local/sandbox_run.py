"""Running the real jobs once on a sandbox: what the demo and CI have in common.

Nothing here takes a shortcut around Dagster: every job runs through an instance, and its runs
show in the UI afterwards.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from funding_platform.core.system.interrupts import interrupts_noticed
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.prices import PRICE_CANDLES
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import floor_hour, month_start
from funding_platform.defs.assets.raw import raw_key
from funding_platform.defs.partitions import HOUR_KEY, MONTH_KEY
from funding_platform.defs.running.jobs import BACKTEST, COLLECT, TRANSFORM, history_job_name
from funding_platform.local.kernel import compiled_beside
from funding_platform.sandbox.faults import Fault
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.process import sandbox_process
from funding_platform.settings import Settings
from funding_platform.venues.registry import offering, venue_names

QUIET: dict[str, object] = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
"""Run configuration: the terminal belongs to the progress bars, every event is in the UI."""

SANDBOX_RATE_LIMIT_SCALE = 1_000
"""The sandbox is ours: the venues' documented budgets need not be respected there."""


MARGINED_BY = ("mark",)
"""Kinds of candles that are collected: those that positions are valued by, to save the time of the
others; of a venue without marks, its trades."""

_ENOUGH = timedelta(days=7)
"""A curve needs eight windows of eight hours, and a backtest some days more."""

_COLLECTED = (FUNDING_RATES, PRICE_CANDLES)
"""Histories that the example backtest reads."""


@contextmanager
def sandbox_venues(
    build: Callable[[], Market], faults: Sequence[Fault] = ()
) -> Iterator[dict[str, Any]]:
    """Serve a sandbox for as long as the context lasts; yields the settings that point to it."""
    with sandbox_process(build, faults) as sandbox:
        yield {
            "venue_urls": sandbox.venue_urls,
            "rate_limit_scale": SANDBOX_RATE_LIMIT_SCALE,
            "candle_kinds": MARGINED_BY,
        }


@dataclass(frozen=True, slots=True)
class SandboxRun:
    """A definitions object and the instance that its jobs run in."""

    definitions: dg.Definitions
    instance: dg.DagsterInstance

    def everything(self, months: int) -> Iterator[tuple[str, dg.ExecuteInProcessResult]]:
        """Run every job once, in order, each when asked for; yield what it did and its result."""
        with compiled_beside() as wait_for_the_kernel:
            yield "the hourly collection", self.collect()
            for venue in offering(FUNDING_RATES, Settings().venues or venue_names()):
                yield f"the history of {venue}", self.backfill(venue, months)
            yield "the transforms", self.transform(months)
            wait_for_the_kernel()
        yield "the backtest", self.backtest()

    def collect(self) -> dg.ExecuteInProcessResult:
        """Run one hourly collection of all venues; of the next hour, where this one ends."""
        hour = floor_hour(datetime.now(UTC))
        result = self.run(COLLECT, partition_key=f"{hour:{HOUR_KEY}}")
        if not result.success and (running := floor_hour(datetime.now(UTC))) > hour:
            return self.run(COLLECT, partition_key=f"{running:{HOUR_KEY}}")
        return result

    def backfill(
        self, venue: str, months: int, tables: Sequence[Table] = _COLLECTED
    ) -> dg.ExecuteInProcessResult:
        """Backfill the last ``months`` months of a venue: rates, and what prices them."""
        return self.run(
            history_job_name(venue),
            tags=range_tags(months),
            asset_selection=history_assets(venue, tables),
        )

    def transform(self, months: int) -> dg.ExecuteInProcessResult:
        """Run the features of the last ``months`` months, the marts, and the published file."""
        return self.run(TRANSFORM, tags=range_tags(months))

    def backtest(self) -> dg.ExecuteInProcessResult:
        """Run the example backtest over everything that is there."""
        return self.run(BACKTEST)

    def run(
        self,
        job: str,
        *,
        partition_key: str | None = None,
        tags: dict[str, str] | None = None,
        asset_selection: Sequence[dg.AssetKey] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Run a job once; a failure shows in the result, not as an exception.

        Raises
        ------
        KeyboardInterrupt
            If the run was interrupted: Dagster makes a failed run of that, or, where it comes
            when the last step is done, nothing at all.
        """
        definition = self.definitions.resolve_job_def(job)
        with interrupts_noticed() as asked_to_end:
            result = definition.execute_in_process(
                run_config=QUIET,
                instance=self.instance,
                partition_key=partition_key,
                tags=tags,
                asset_selection=asset_selection,
                raise_on_error=False,
            )
            if asked_to_end():
                raise KeyboardInterrupt
        return result


def history_assets(venue: str, tables: Sequence[Table] = _COLLECTED) -> list[dg.AssetKey]:
    """List the assets of those histories that a venue offers: by default rates and what prices."""
    return [raw_key(venue, table) for table in tables if offering(table, [venue])]


def range_tags(months: int) -> dict[str, str]:
    """Run tags that ask for the last ``months`` monthly partitions, the running one included.

    Where that one is alone and has just begun, the one before it is asked for too.
    """
    now = datetime.now(UTC)
    last = first = month_start(now)
    back = months if months == 1 and now - last < _ENOUGH else months - 1
    for _ in range(back):
        first = month_start(first - timedelta(days=1))
    return {
        "dagster/asset_partition_range_start": f"{first:{MONTH_KEY}}",
        "dagster/asset_partition_range_end": f"{last:{MONTH_KEY}}",
    }


def failed_checks(results: Sequence[dg.ExecuteInProcessResult]) -> list[str]:
    """List the asset checks that did not pass, in words."""
    return [
        f"{check.asset_key.to_user_string()} {check.check_name}: {check.description or 'failed'}"
        for result in results
        for check in result.get_asset_check_evaluations()
        if not check.passed
    ]
