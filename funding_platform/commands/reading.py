"""Commands that show what is in the lake."""

from datetime import UTC, datetime
from pathlib import Path

import click

from funding_platform.commands.common import (
    file_format,
    instant,
    one_venue,
    settings,
    text_format,
    to_file,
    write_frame,
)


@click.command()
@click.argument("sql")
@file_format
@to_file
@click.option(
    "--timeout", default=60.0, show_default=True, help="Seconds after which the query is stopped."
)
@click.option("--memory", default="1GiB", show_default=True, help="What it may take at most.")
@click.option("--max-answer", default="1GiB", show_default=True, help="Size of the answer at most.")
def query(
    sql: str, form: str, output: Path | None, timeout: float, memory: str, max_answer: str
) -> None:
    """Answer one SELECT over the lake, read-only."""
    from funding_platform.lake.read_only.query import QueryLimits
    from funding_platform.lake.read_only.query import query as run

    limits = QueryLimits(seconds=timeout, memory=memory, answer=max_answer)
    write_frame(run(sql, settings(), limits=limits), form, output)


@click.command()
@click.option("--bridged", is_flag=True, help="The exchanges that ccxt adds, instead.")
def venues(bridged: bool) -> None:
    """List the venues that can be collected, and what each offers."""
    import polars as pl

    from funding_platform.venues.registry import bridged_names, venue_names, venue_spec
    from funding_platform.views.terminal import show

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


@click.command()
@one_venue
@click.option("--gaps", is_flag=True, help="By name, what is missing.")
@text_format
def coverage(venue: str | None, gaps: bool, form: str) -> None:
    """Count settlements present against expected, by venue and month; with --gaps by name."""
    from funding_platform.flows.queries import coverage_by_month, gaps_by_name, open_lake

    with open_lake(settings()) as lake:
        found = (gaps_by_name if gaps else coverage_by_month)(lake, venue=venue)
    write_frame(found, form)


@click.command()
@click.argument("base")
@one_venue
@click.option("--asset-class", help="What BASE is, where it stands for several assets: equity, …")
def curves(base: str, venue: str | None, asset_class: str | None) -> None:
    """Plot the newest funding curve of BASE on each venue, of those that are of one time."""
    from funding_platform.flows.queries import latest_curves, open_lake, past_curves
    from funding_platform.views.terminal import plot_curves, remark

    with open_lake(settings()) as lake:
        found = latest_curves(lake, base, asset_class=asset_class, venue=venue)
        past = past_curves(lake, base, asset_class=asset_class, venue=venue)
    plot_curves(found, f"{base} funding, annualised")
    for row in past.iter_rows(named=True):
        last_seen = f"{row['venue']} {row['venue_symbol']}, last seen {row['as_of']:%Y-%m-%d %H:%M}"
        remark("left out", "yellow", last_seen)


@click.command()
@click.argument("bases", nargs=-1)
@one_venue
@click.option("--at", callback=instant, help="Known by then, UTC; now when left out.")
@click.option(
    "--kind", type=click.Choice(("settled", "live")), default="settled", show_default=True
)
@file_format
@to_file
def features(
    bases: tuple[str, ...],
    venue: str | None,
    at: datetime | None,
    kind: str,
    form: str,
    output: Path | None,
) -> None:
    """Show what was known at a time of the instruments of BASES, or of all."""
    from funding_platform.flows.queries import features_of, open_lake
    from funding_platform.views.tables import SHOWN_FEATURES

    with open_lake(settings()) as lake:
        found = features_of(lake, at or datetime.now(UTC), bases=bases, venue=venue, kind=kind)
    write_frame(found.select(SHOWN_FEATURES) if form == "table" else found, form, output)
