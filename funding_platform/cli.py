"""The ``funding`` command. Each command is a thin shell; what it needs is imported when it runs."""

import os
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from funding_platform.core.errors import FundingError

if TYPE_CHECKING:
    import polars as pl

    from funding_platform.settings import Settings

OUTPUT_FORMATS = ("table", "csv", "json", "parquet")


class ExplainedErrors(click.Group):
    """Shows an error of the platform as its message, not as a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors that explain themselves end it with status 1."""
        try:
            return super().invoke(ctx)
        except (FundingError, ValueError) as error:
            if os.environ.get("FUNDING_TRACEBACK"):
                raise
            raise click.ClickException(str(error)) from error


@click.group(cls=ExplainedErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="funding-platform")
def main() -> None:
    """Perpetual-futures funding rates: collect, keep, compare, query."""
    from funding_platform.settings import project_root

    os.environ.setdefault("DAGSTER_HOME", str(project_root() / "data" / "dagster_home"))


def settings() -> "Settings":
    """The settings of this environment."""
    from funding_platform.settings import Settings

    return Settings()


def chosen_venues(names: Sequence[str]) -> list[str]:
    """The venues named on the command line, else those of the settings, else all."""
    from funding_platform.venues.registry import venue_names, venue_spec

    chosen = list(names or settings().venues or venue_names())
    for name in chosen:
        venue_spec(name)
    return chosen


def known_venues(
    context: click.Context, parameter: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse a name that nothing is registered under, which would only match nothing."""
    from funding_platform.venues.registry import venue_spec

    for name in names:
        venue_spec(name)
    return names


def known_venue(context: click.Context, parameter: click.Parameter, name: str | None) -> str | None:
    """As ``known_venues``, for an option that takes one name or none."""
    known_venues(context, parameter, (name,) if name else ())
    return name


def new_run_id() -> str:
    """An id for a run that no orchestrator started."""
    return f"cli-{uuid.uuid4().hex[:12]}"


@main.command()
@click.option(
    "--months",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Months of history, the running one included.",
)
@click.option("--symbols", default=40, show_default=True, help="Instruments per venue.")
def demo(months: int, symbols: int) -> None:
    """Run everything once on sandbox venues: collect, transform, publish, show."""
    from funding_platform.defs.demo import run_demo

    run_demo(months=months, symbols=symbols)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8900, show_default=True, help="Port; 0 takes any free one.")
@click.option(
    "--replay",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Serve the CSV histories of this folder instead of a synthetic market.",
)
@click.option(
    "--symbols",
    default=300,
    show_default=True,
    help="Instruments per venue of the synthetic market.",
)
@click.option("--seed", default=7, show_default=True, help="Seed of the synthetic market.")
@click.option("--faults", help="Faults to inject, as JSON; see docs/sandbox.md.")
@click.option(
    "--limits/--no-limits",
    default=False,
    show_default=True,
    help="Enforce the venues' documented rate limits.",
)
def sandbox(
    host: str,
    port: int,
    replay: Path | None,
    symbols: int,
    seed: int,
    faults: str | None,
    limits: bool,
) -> None:
    """Serve the venues' public wire formats from a market of our own."""
    import logging

    from funding_platform.sandbox.faults import parse_faults
    from funding_platform.sandbox.server import build_market, serve

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    serve(
        build_market(replay=replay, symbols=symbols, seed=seed),
        host=host,
        port=port,
        faults=parse_faults(faults) if faults else [],
        enforce_limits=limits,
    )


@main.command()
@click.option("--sandbox", is_flag=True, help="Collect from sandbox venues, not the real ones.")
@click.option("--port", default=3000, show_default=True, help="Port of the UI.")
def dev(sandbox: bool, port: int) -> None:
    """Serve the Dagster UI over the lake, with sensors and schedules running."""
    from funding_platform.defs.dev import serve_ui

    serve_ui(sandbox=sandbox, port=port)


@main.command()
@click.argument("venues", nargs=-1)
def collect(venues: tuple[str, ...]) -> None:
    """Look at VENUES now: instruments and market snapshots."""
    from funding_platform.flows.collection_log import log_frame
    from funding_platform.flows.snapshots import collect_instruments, collect_snapshots
    from funding_platform.terminal import progress_bars, show

    names, run_id = chosen_venues(venues), new_run_id()
    with progress_bars():
        rounds = [
            step(names, settings(), run_id) for step in (collect_instruments, collect_snapshots)
        ]
    attempts = [one.attempt for collected in rounds for one in collected.values()]
    show(
        log_frame(attempts).select(
            "venue", "dataset", "status", "rows_written", "requests", "error"
        )
    )
    if any(attempt.error for attempt in attempts):
        sys.exit(1)


@main.command()
@click.argument("venues", nargs=-1)
@click.option("--from", "first", required=True, help="First month, YYYY-MM.")
@click.option("--to", "last", help="Last month, YYYY-MM; the first one when left out.")
def backfill(venues: tuple[str, ...], first: str, last: str | None) -> None:
    """Refetch settled history of VENUES, whole months."""
    import polars as pl

    from funding_platform.core.tables import FUNDING_RATES
    from funding_platform.core.time_grid import Window, next_month, parse_month
    from funding_platform.flows.history import collect_history
    from funding_platform.terminal import progress_bars, show
    from funding_platform.venues.registry import offering

    window = Window(parse_month(first), next_month(parse_month(last or first)))
    names, run_id = chosen_venues(venues), new_run_id()
    if not venues:  # to ask one by name that offers no history is an error
        names = offering(FUNDING_RATES, names)
    reports, errors = [], []
    with progress_bars():
        for name in names:
            try:
                reports.append(collect_history(name, window, settings(), run_id))
            except FundingError as error:  # one venue that is down costs itself only
                errors.append(error)
    if reports:
        show(
            pl.DataFrame(
                {
                    "venue": report.venue,
                    "symbols": len(report.coverage),
                    "rows": report.rows,
                    "expected": report.expected,
                    "coverage": report.coverage_share,
                    "requests": report.requests,
                    "failed": ", ".join(report.failures) or None,
                }
                for report in reports
            ),
            title=f"settled rates, {window}",
        )
    for outage in errors:
        click.echo(f"Error: {outage}", err=True)
    if errors or any(report.failures for report in reports):
        sys.exit(1)


@main.command("import")
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
    """Add settled rates from SOURCES: files, folders or globs; what is stored stays.

    Known without a mapping: Binance's monthly dumps, and the CSV form that the sandbox replays.
    """
    from funding_platform.flows.imports import import_files
    from funding_platform.flows.mappings import read_mapping
    from funding_platform.terminal import progress_bars, show

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
    if report.conflicts.height:
        click.echo(f"{report.conflicts.height} rows differ from what is stored: left out", err=True)
        sys.exit(1)


@main.command()
@click.argument("venues", nargs=-1, callback=known_venues)
@click.option("--from", "since", type=click.DateTime(), help="First attempt, UTC.")
@click.option("--to", "until", type=click.DateTime(), help="Attempts before, UTC.")
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

    from funding_platform.flows.replay import replay as run
    from funding_platform.terminal import progress_bars, show

    target = settings().model_copy(update={"data_dir": into.absolute()}) if into else None
    with progress_bars():
        replays = run(
            settings(),
            new_run_id(),
            into=target,
            venues=venues,
            since=since and since.replace(tzinfo=UTC),
            until=until and until.replace(tzinfo=UTC),
        )
    if not replays:
        click.echo("no recorded answers: see FUNDING_RAW_RETENTION_DAYS")
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
        click.echo(f"Error: attempt of {begun:%Y-%m-%d %H:%M:%S}: {one.error}", err=True)
    if failures:
        sys.exit(1)


@main.command()
@click.argument("sql")
@click.option(
    "--format", "form", type=click.Choice(OUTPUT_FORMATS), default="table", show_default=True
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; parquet needs one.",
)
@click.option(
    "--timeout", default=60.0, show_default=True, help="Seconds after which the query is stopped."
)
def query(sql: str, form: str, output: Path | None, timeout: float) -> None:
    """Answer one SELECT over the lake, read-only."""
    from funding_platform.lake.query import QueryLimits
    from funding_platform.lake.query import query as run

    write_frame(run(sql, settings(), limits=QueryLimits(seconds=timeout)), form, output)


def write_frame(frame: "pl.DataFrame", form: str, output: Path | None = None) -> None:
    """Print a frame, or write it to a file."""
    from funding_platform.terminal import show

    if form == "table":
        if output is not None:
            raise click.UsageError("a table is for the terminal; a file needs another --format")
        show(frame)
    elif form == "parquet":
        if output is None:
            raise click.UsageError("parquet needs --output FILE")
        frame.write_parquet(output)
    else:
        text = csv_text(frame) if form == "csv" else f"{frame.write_json()}\n"
        if output is None:
            click.echo(text, nl=False)
        else:
            output.write_text(text, encoding="utf-8")


def csv_text(frame: "pl.DataFrame") -> str:
    """A frame as CSV, which has no place for a list in a cell."""
    nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
    if nested:
        raise click.UsageError(
            f"csv cannot hold the nested columns {', '.join(nested)}; take json or parquet"
        )
    return frame.write_csv()


@main.command()
@click.option("--bridged", is_flag=True, help="The exchanges that ccxt adds, instead.")
def venues(bridged: bool) -> None:
    """List the venues that can be collected, and what each offers."""
    import polars as pl

    from funding_platform.terminal import show
    from funding_platform.venues.registry import bridged_names, venue_names, venue_spec

    show(
        pl.DataFrame(
            {
                "venue": spec.name,
                "title": spec.title,
                "url": settings().venue_urls.get(spec.name, spec.base_url),
                "offers": ", ".join(table.name for table in spec.offers),
                "history since": spec.history_start and f"{spec.history_start:%Y-%m}",
                "kept for": f"{spec.history_depth.days} days" if spec.history_depth else None,
                "rows a page": spec.page_size,
            }
            for spec in map(venue_spec, bridged_names() if bridged else venue_names())
        )
    )


@main.command()
@click.option("--venue", callback=known_venue, help="One venue only.")
@click.option("--gaps", is_flag=True, help="By name, what is missing.")
@click.option(
    "--format", "form", type=click.Choice(OUTPUT_FORMATS[:3]), default="table", show_default=True
)
def coverage(venue: str | None, gaps: bool, form: str) -> None:
    """Settlements present against expected, by venue and month; with --gaps by name."""
    from funding_platform.flows.reports import coverage_report

    write_frame(coverage_report(settings(), venue=venue, gaps=gaps), form)


@main.command()
@click.argument("base")
@click.option("--venue", callback=known_venue, help="One venue only.")
def curves(base: str, venue: str | None) -> None:
    """Plot the newest funding curve of BASE on each venue."""
    from funding_platform.flows.reports import latest_curves
    from funding_platform.terminal import plot_curves

    plot_curves(latest_curves(settings(), base=base, venue=venue), f"{base} funding, annualised")


@main.command()
@click.option("--base", "bases", multiple=True, help="Canonical base, e.g. BTC; repeatable.")
@click.option(
    "--venue",
    "venues",
    multiple=True,
    callback=known_venues,
    help="Both legs on these; repeatable.",
)
@click.option(
    "--exclude-venue",
    "exclude_venues",
    multiple=True,
    callback=known_venues,
    help="No leg on these; repeatable.",
)
@click.option("--min-net-apr", type=float, help="Fraction per year.")
@click.option("--min-open-interest", "min_open_interest_usd", type=float, help="USD, smaller leg.")
@click.option("--min-volume", "min_volume_24h_usd", type=float, help="USD a day, smaller leg.")
@click.option("--max-price-gap", "max_price_gap_bps", type=float, help="Basis points.")
@click.option("--limit", default=20, show_default=True, help="Rows at most.")
@click.option(
    "--format", "form", type=click.Choice(OUTPUT_FORMATS[:3]), default="table", show_default=True
)
def opportunities(form: str, **wanted: Any) -> None:
    """Ranked cross-venue pairs, net of all four fees."""
    from funding_platform.flows.reports import SHOWN_OPPORTUNITIES, opportunity_report

    found = opportunity_report(settings(), **wanted)
    write_frame(found.select(SHOWN_OPPORTUNITIES) if form == "table" else found, form)


@main.command()
def publish() -> None:
    """Build data/funding.duckdb from the lake and rename it into place."""
    from funding_platform.lake.publish import publish as build

    for name, rows in build(settings()).items():
        click.echo(f"{rows:>12,}  {name}")
    click.echo(f"published {settings().published_file}")


@main.command()
@click.option(
    "--keep-days",
    type=click.IntRange(min=0),
    default=30,
    show_default=True,
    help="Days of time travel to keep.",
)
def maintain(keep_days: int) -> None:
    """Drop old answers and snapshots, merge small files, delete files that nothing needs."""
    from funding_platform.lake.maintenance import maintain as run

    report = run(settings(), keep_days=keep_days)
    click.echo(
        f"{report.payloads_dropped} raw payloads dropped, "
        f"{report.snapshots_expired} snapshots expired, "
        f"{report.files_before} data files became {report.files_after}"
    )


@main.command()
def doctor() -> None:
    """Check the installation, the folders, the lake and Dagster, and say what to mend."""
    from funding_platform.flows.doctor import examine
    from funding_platform.terminal import console

    findings = examine(settings(), datetime.now(UTC))
    for finding in findings:
        mark = "[green]ok [/]" if finding.well else "[red]bad[/]"
        console.print(f"{mark} {finding.text}", highlight=False)
    sys.exit(0 if all(finding.well for finding in findings) else 1)
