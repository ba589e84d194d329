"""Collected assets: history by month, instruments and market snapshots by the hour.

One factory over the registry: a venue that is registered has its assets.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Final

import dagster as dg
import polars as pl

from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import Window
from funding_platform.defs.freshness import HOURLY, REFRESHED
from funding_platform.defs.partitions import BY_STRETCH, ONE_BY_ONE, months_kept, recent_hours
from funding_platform.defs.presentation import (
    OWNERS,
    definition_metadata,
    frame_metadata,
    markdown_table,
    png_metadata,
    speed_metadata,
    time_range,
)
from funding_platform.defs.running.resources import LakeResource
from funding_platform.defs.running.retries import RETRIES, retried_if_retryable
from funding_platform.flows.collection.depth import collect_depth
from funding_platform.flows.collection.history.gap_filling import named
from funding_platform.flows.collection.history.hourly import HOURLY_TABLES
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.collection.history.report import (
    COMPLETE_SHARE,
    MAX_NAMED_SYMBOLS,
    HistoryReport,
)
from funding_platform.flows.collection.snapshots import (
    Collected,
    collect_instruments,
    collect_snapshots,
    require_running_hour,
)
from funding_platform.settings import Settings
from funding_platform.venues.registry import offering, venue_spec
from funding_platform.views.pictures import rates_picture

HISTORIES: Final = (FUNDING_RATES, *HOURLY_TABLES)
"""Tables whose assets are partitioned by the month and refetched whole."""

NEXT_ROLLS: Final = "next_rolls"
"""Metadata of a snapshot: the instants at which perpetuals settle next, which sensors follow."""

_COUNTED: Final = dict.fromkeys(HOURLY_TABLES, "hours") | {FUNDING_RATES: "settlements"}


def raw_key(venue: str, table: Table) -> dg.AssetKey:
    """Return ``raw/<venue>/<table>``; Dagster takes no colon, as in ``ccxt:gate``, in a name."""
    return dg.AssetKey(["raw", venue.replace(":", "_"), table.name])


def history_asset(venue: str, table: Table, months: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """Define one table of the history of one venue, one partition a month."""
    key = raw_key(venue, table)
    title = venue_spec(venue).title

    @dg.asset(
        key=key,
        description=f"{title}: {table.description} A partition is a whole month, refetched and "
        "replaced.",
        partitions_def=months,
        backfill_policy=BY_STRETCH,
        pool=f"venue_{key.path[1]}",
        retry_policy=RETRIES,
        group_name="raw",
        owners=OWNERS,
        kinds=_kinds(key),
        metadata=definition_metadata(table),
        freshness_policy=REFRESHED,
        check_specs=[
            dg.AssetCheckSpec(
                "complete",
                asset=key,
                description="Every symbol was read to the end of the window, none stops while "
                f"it trades, and at least {COMPLETE_SHARE:.0%} of the {_COUNTED[table]} that were "
                "due are there.",
            )
        ],
    )
    def history(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        span = context.partition_time_window
        window = Window(span.start, span.end)
        began = perf_counter()
        with retried_if_retryable():
            report = collect_history(venue, window, lake.settings, context.run.run_id, table)
        for month in context.partition_keys:
            rows = report.rows_by_month.get(month, 0)
            context.add_asset_metadata({"dagster/partition_row_count": rows}, partition_key=month)
        context.add_asset_metadata(
            {**_history_metadata(report), **speed_metadata(report.rows, perf_counter() - began)}
        )
        return dg.MaterializeResult(check_results=[_completeness(report)])

    return history


def hourly_assets(
    table: Table,
    collect: Callable[[Sequence[str], Settings, str], dict[str, Collected]],
    venues: Sequence[str],
    hours: dg.PartitionsDefinition,
) -> dg.AssetsDefinition:
    """Define one table of all venues, asked at once; each venue is an asset of its own."""
    keys = {raw_key(venue, table): venue for venue in venues}

    @dg.multi_asset(
        name=f"raw_{table.name}",
        specs=[
            dg.AssetSpec(
                key,
                description=f"{venue_spec(venue).title}: {table.description} A partition is an "
                "hour; that of a past hour cannot be filled.",
                group_name="raw",
                owners=OWNERS,
                kinds=_kinds(key),
                metadata=definition_metadata(table),
                freshness_policy=HOURLY,
                skippable=True,
            )
            for key, venue in keys.items()
        ],
        check_specs=[
            dg.AssetCheckSpec("collected", asset=key, description="The venue answered in full.")
            for key in keys
        ],
        partitions_def=hours,
        backfill_policy=ONE_BY_ONE,
        can_subset=True,
    )
    def hourly(
        context: dg.AssetExecutionContext, lake: LakeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        require_running_hour(context.partition_time_window.start, datetime.now(UTC))
        wanted = [keys[key] for key in keys if key in context.selected_asset_keys]
        collected = collect(wanted, lake.settings, context.run.run_id)
        yield from _hourly_results(table, collected, context)
        for venue in wanted:
            if venue not in collected:  # what is asked for follows from marts, and there are none
                yield _not_asked(venue, table)
        if collected and all(one.attempt.error for one in collected.values()):
            raise dg.Failure(f"none of {len(wanted)} venues answered; see core.collection_log")

    return hourly


def _kinds(key: dg.AssetKey) -> set[str]:
    """Name the venue among the kinds.

    A node of the graph shows them, and of its key the last part only.
    """
    return {key.path[1], "python", "duckdb"}


def raw_assets(venues: Sequence[str]) -> list[dg.AssetsDefinition]:
    """Define all collected assets of the given venues, of what each offers."""
    now = datetime.now(UTC)
    hours = recent_hours(now)
    snapshots = (
        (INSTRUMENTS, collect_instruments),
        (MARKET_SNAPSHOTS, collect_snapshots),
        (ORDER_BOOK_DEPTH, collect_depth),
    )
    return [
        *(
            history_asset(venue, table, months_kept(venue_spec(venue), now))
            for table in HISTORIES
            for venue in offering(table, venues)
        ),
        *(
            hourly_assets(table, collect, offering(table, venues), hours)
            for table, collect in snapshots
        ),
    ]


def _hourly_results(
    table: Table, collected: Mapping[str, Collected], context: dg.AssetExecutionContext
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Materialise each venue that answered; one that did not only fails its check."""
    for venue, one in collected.items():
        key, attempt = raw_key(venue, table), one.attempt
        trouble = [attempt.error] if attempt.error else attempt.warnings
        check = dg.AssetCheckResult(
            check_name="collected",
            asset_key=key,
            passed=attempt.error is None,
            severity=dg.AssetCheckSeverity.ERROR,
            description="; ".join(error.message for error in trouble) or "answered in full",
            metadata={"status": attempt.status, "rows": attempt.rows},
        )
        if attempt.error is None:
            context.add_asset_metadata(
                {
                    **frame_metadata(one.frame, table),
                    **_next_rolls(one.frame),
                    "status": attempt.status,
                    "source": attempt.source,
                    "latency_ms": attempt.latency_ms,
                    **speed_metadata(attempt.rows, attempt.seconds),
                },
                key,
            )
            yield dg.MaterializeResult(asset_key=key, check_results=[check])
        else:
            yield check


def _not_asked(venue: str, table: Table) -> dg.AssetCheckResult:
    """Pass the check of a venue that there was nothing to ask."""
    return dg.AssetCheckResult(
        check_name="collected",
        asset_key=raw_key(venue, table),
        passed=True,
        severity=dg.AssetCheckSeverity.ERROR,
        description="there was nothing to ask: no pairs are known yet",
    )


def _next_rolls(frame: pl.DataFrame) -> dict[str, Any]:
    """Say when the perpetuals of a snapshot settle next; nothing of frames that do not know."""
    if "next_funding_time" not in frame.columns:
        return {}
    rolls = frame["next_funding_time"].drop_nulls().dt.truncate("1m").unique().sort()
    return {NEXT_ROLLS: dg.MetadataValue.json([roll.isoformat() for roll in rolls])}


def _history_metadata(report: HistoryReport) -> dict[str, Any]:
    """Say what a backfill did as a whole; the rows of each month stand on its own partition."""
    pictures = {} if report.daily.is_empty() else {"rates": rates_picture(report.daily)}
    return {
        "dagster/row_count": report.rows,
        **time_range(report.first_time, report.last_time),
        "preview": dg.MetadataValue.md(markdown_table(report.preview)),
        **{what: png_metadata(picture, what) for what, picture in pictures.items()},
        "window": str(report.window),
        "symbols": len(report.coverage),
        "requests": report.requests,
        "coverage": report.coverage_share,
        "missing": dg.MetadataValue.json(named(report.missing_settlements, MAX_NAMED_SYMBOLS)),
        "recovered": report.recovered,
        "outages": [f"{hour:%Y-%m-%d %H:%M}" for hour in report.outages[:MAX_NAMED_SYMBOLS]],
        "unproven": report.unproven[:MAX_NAMED_SYMBOLS],
        "vanished": report.vanished[:MAX_NAMED_SYMBOLS],
        "failed_symbols": dg.MetadataValue.json(
            {s: str(e) for s, e in list(report.failures.items())[:MAX_NAMED_SYMBOLS]}
        ),
    }


def _completeness(report: HistoryReport) -> dg.AssetCheckResult:
    """Return the verdict on a backfill."""
    lost = report.missing_settlements.height
    by_name = named(report.missing_settlements, MAX_NAMED_SYMBOLS)
    return dg.AssetCheckResult(
        check_name="complete",
        passed=report.complete,
        description=f"{report.rows} of {report.expected} {report.what}, {lost} missing; "
        f"of {len(report.coverage) + len(report.failures)} symbols {len(report.failures)} "
        f"failed, {len(report.stopped)} stopped while they trade, {len(report.unproven)} reach "
        f"beyond what the venue keeps, {len(report.vanished)} have vanished",
        metadata={
            "coverage": report.coverage_share,
            "missing": lost,
            "missing_by_name": dg.MetadataValue.json(by_name),
            "stopped": report.stopped[:MAX_NAMED_SYMBOLS],
        },
    )
