"""Commands that fill the lake."""

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from funding_platform.commands.common import (
    chosen_venues,
    instant,
    known_venues,
    month,
    name_list,
    new_run_id,
    say,
    settings,
)

if TYPE_CHECKING:
    from funding_platform.core.tables.schema import Table
    from funding_platform.flows.collection.history.backfill import Backfilled

DATASETS = ("funding_rates", "price_candles", "spot_candles", "open_interest")
"""What has a history, by the name of its table."""

DEFAULT_DATASETS = DATASETS[:2]
"""Rates without prices could be read, and no position in them valued."""

NOTES_SHOWN = 20
"""Notes of an import that are shown: a folder of archives has one for each."""


@click.command()
@click.argument("venues", nargs=-1)
def collect(venues: tuple[str, ...]) -> None:
    """Look at VENUES now: instruments, market snapshots, and the books of the best pairs."""
    from funding_platform.flows.collection.depth import collect_depth
    from funding_platform.flows.collection.log import log_frame
    from funding_platform.flows.collection.snapshots import collect_instruments, collect_snapshots
    from funding_platform.venues.rest.retries import log_retries
    from funding_platform.views.terminal import progress_bars, show

    log_retries()
    names, run_id = chosen_venues(venues), new_run_id()
    with progress_bars():
        rounds = [
            step(names, settings(), run_id)
            for step in (collect_instruments, collect_snapshots, collect_depth)
        ]
    attempts = [one.attempt for collected in rounds for one in collected.values()]
    show(
        log_frame(attempts).select(
            "venue", "dataset", "status", "rows_written", "requests", "error"
        )
    )
    if any(attempt.error for attempt in attempts):
        sys.exit(1)


@click.command()
@click.argument("venues", nargs=-1)
@click.option(
    "--venues", "listed", callback=name_list, help="Venues, comma-separated, in place of VENUES."
)
@click.option("--from", "first", callback=month, required=True, help="First month, YYYY-MM.")
@click.option("--to", "last", callback=month, help="Last month, YYYY-MM; the first when left out.")
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    type=click.Choice(DATASETS),
    help="What to refetch; repeatable. By default settled rates, and the candles that price them "
    "where the venue has any.",
)
@click.option(
    "--resume", is_flag=True, help="Leave out the months that were read whole before, by the log."
)
def backfill(
    venues: tuple[str, ...],
    listed: tuple[str, ...],
    first: datetime,
    last: datetime | None,
    datasets: tuple[str, ...],
    resume: bool,
) -> None:
    """Refetch history of VENUES, whole months: settled rates, candles, open interest."""
    from funding_platform.core.time_grid import Window, next_month
    from funding_platform.flows.collection.history.backfill import backfill as run
    from funding_platform.venues.rest.retries import log_retries
    from funding_platform.views.terminal import progress_bars

    log_retries()
    last = last or first
    if last < first:
        raise click.UsageError(f"--to {last:%Y-%m} comes before --from {first:%Y-%m}")
    if venues and listed:
        raise click.UsageError("name venues as arguments or with --venues, not both")
    window = Window(first, next_month(last))
    asked = _asked(venues or listed, datasets)
    with progress_bars():
        done = run(asked, window, settings(), new_run_id(), resume=resume)
    _show_backfilled(done, f"history, {window}")
    if any(one.short for one in done):
        sys.exit(1)


def _asked(named: tuple[str, ...], datasets: tuple[str, ...]) -> "dict[str, list[Table]]":
    """Return the tables to refetch of each venue; what it does not offer, only if it was named."""
    from funding_platform.core.tables.registry import table_named
    from funding_platform.venues.registry import offering

    asked: dict[str, list[Table]] = {venue: [] for venue in chosen_venues(named)}
    for dataset in datasets or DEFAULT_DATASETS:
        table = table_named(f"core.{dataset}")
        by_name = named and (datasets or dataset == DEFAULT_DATASETS[0])
        for venue in asked if by_name else offering(table, asked):
            asked[venue].append(table)
    return asked


def _show_backfilled(done: "Sequence[Backfilled]", title: str) -> None:
    import polars as pl

    from funding_platform.views.terminal import show

    rows = [
        {
            "venue": report.venue,
            "dataset": report.table.name,
            "symbols": len(report.coverage),
            "rows": report.rows,
            "expected": report.expected,
            "coverage": report.coverage_share,
            "requests": report.requests,
            "failed": ", ".join(report.failures) or None,
        }
        for one in done
        for report in one.reports
    ]
    if rows:
        show(pl.DataFrame(rows), title=title)
    for one in done:
        if one.proven:
            say(f"{one.venue} {one.table.name}: {one.proven} months were whole already")
    for one in done:
        if one.error is not None:
            say(f"Error: {one.error}", err=True)


@click.command("import")
@click.argument("sources", nargs=-1, required=True)
@click.option(
    "--mapping",
    "mapping_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML or YAML file that says which column is what; see docs/importing.md.",
)
@click.option(
    "--map",
    "fields",
    multiple=True,
    metavar="NAME=VALUE",
    help="One field of the mapping, e.g. time_unit=s; repeatable.",
)
@click.option("--exclude", multiple=True, metavar="GLOB", help="File names to leave out.")
@click.option(
    "--keep-stored",
    is_flag=True,
    help="Leave out rows that differ from what is stored, instead of refusing all.",
)
def import_(
    sources: tuple[str, ...],
    mapping_file: Path | None,
    fields: tuple[str, ...],
    exclude: tuple[str, ...],
    keep_stored: bool,
) -> None:
    r"""Add rates, candles, open interest or contracts from SOURCES; what is stored stays.

    SOURCES are files, folders or globs: CSV, JSON, JSON lines and Parquet, gzipped or zipped. Known
    by their columns, and in need of little or no mapping, are the archives and exports of Binance
    (USD-M, COIN-M and spot), OKX (new and old), Bybit, Hyperliquid, ccxt, Coinglass and Coinalyze.
    For any other file say which table it is for and which column is what; a refusal shows a command
    that would work.

    \b
    funding import BTCUSDT-fundingRate-2025-*.zip
    funding import "Funding Rate History.csv" --map zone=Europe/Berlin
    funding import rates.csv --map time=ts --map rate=fr --map rate_unit=percent \
        --map venue=gate --map symbol=BTC_USDT
    funding import BTCUSDT-1h-2025-*.zip --map table=price_candles --map kind=trade
    """
    from funding_platform.flows.importing.importer import import_files
    from funding_platform.flows.importing.mapping import read_mapping
    from funding_platform.views.terminal import progress_bars, show

    told = read_mapping(mapping_file) if mapping_file else {}
    for one in fields:
        name, equals, value = one.partition("=")
        if not equals:
            raise click.UsageError(f"--map {one}: write NAME=VALUE")
        told[name] = value
    with progress_bars():
        report = import_files(
            sources, settings(), new_run_id(), told=told, exclude=exclude, keep_stored=keep_stored
        )
    show(report.summary())
    for note in report.notes[:NOTES_SHOWN]:
        click.echo(note, err=True)
    if len(report.notes) > NOTES_SHOWN:
        click.echo(f"and {len(report.notes) - NOTES_SHOWN} notes like these", err=True)
    left_out = report.n_conflicts.total()
    if left_out:
        say(f"{left_out} rows differ from what is stored: left out", err=True)
        sys.exit(1)


@click.command()
@click.argument("venues", nargs=-1, callback=known_venues)
@click.option("--from", "since", callback=instant, help="First attempt, UTC.")
@click.option("--to", "until", callback=instant, help="Attempts before, UTC.")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Data folder whose lake gets the rows, in place of the one with the answers.",
)
def replay(
    venues: tuple[str, ...], since: datetime | None, until: datetime | None, into: Path | None
) -> None:
    """Read the recorded answers of VENUES again, through today's adapters, into the core tables."""
    import polars as pl

    from funding_platform.flows.collection.replay import replay as run
    from funding_platform.views.terminal import progress_bars, show

    target = settings().model_copy(update={"data_dir": into.absolute()}) if into else None
    with progress_bars():
        replays = run(
            settings(), new_run_id(), into=target, venues=venues, since=since, until=until
        )
    if not replays:
        say("no recorded answers: see FUNDING_RAW_RETENTION_DAYS")
        return
    rows = [
        {
            "venue": one.attempt.venue,
            "dataset": one.attempt.dataset.full_name,
            "attempts": 1,
            "rows": one.rows,
            "failed": int(one.error is not None),
        }
        for one in replays
    ]
    show(pl.DataFrame(rows).group_by("venue", "dataset", maintain_order=True).sum())
    failures = [one for one in replays if one.error is not None]
    for one in failures:
        begun = one.attempt.started_at
        say(f"Error: attempt of {begun:%Y-%m-%d %H:%M:%S}: {one.error}", err=True)
    if failures:
        sys.exit(1)
