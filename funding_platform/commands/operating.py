"""Commands that serve, show off and look after the platform."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from funding_platform.commands.common import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from funding_platform.flows.doctor import DagsterFacts
    from funding_platform.telemetry.metrics import Family

SMALL_MARKET = 40
"""Instruments per venue of the demo and of what goes on with its lake: one size for both, or the
listed instruments that the other has not would look dead."""


_months = click.option(
    "--months",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Months of history, the running one included; two at least in its first week.",
)
_symbols = click.option(
    "--symbols", default=SMALL_MARKET, show_default=True, help="Instruments per venue."
)


@click.command()
@_months
@_symbols
def demo(months: int, symbols: int) -> None:
    """Run everything once on sandbox venues: collect, transform, publish, show."""
    from funding_platform.local.demo import run_demo

    run_demo(months=months, symbols=symbols)


@click.command("demo-cluster")
@_months
@_symbols
@click.option("--compare", is_flag=True, help="Do the same on one machine too; rows must be equal.")
def demo_cluster(months: int, symbols: int, compare: bool) -> None:
    """Run the demo's jobs on two workers over PostgreSQL, Redis and S3, started here for it."""
    from funding_platform.local.cluster.demo import run_cluster_demo

    run_cluster_demo(months=months, symbols=symbols, compare=compare)


@click.command()
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

    logging.getLogger().setLevel(logging.INFO)  # each request is a line
    serve(
        build_market(replay=replay, symbols=symbols, seed=seed),
        host=host,
        port=port,
        faults=parse_faults(faults) if faults else [],
        enforce_limits=limits,
    )


@click.command()
@click.option("--sandbox", is_flag=True, help="Collect from sandbox venues, not the real ones.")
@click.option("--port", default=3000, show_default=True, help="Port of the UI.")
@click.option(
    "--service-port",
    default=8400,
    show_default=True,
    help="Port of the service; 0 takes any free one.",
)
@click.option(
    "--symbols",
    type=click.IntRange(min=1),
    help=f"Instruments per sandbox venue; {SMALL_MARKET} when left out, as in the demo.",
)
@click.option("--faults", help="Faults of the sandbox venues, as JSON; see docs/sandbox.md.")
def dev(
    sandbox: bool, port: int, service_port: int, symbols: int | None, faults: str | None
) -> None:
    """Serve the Dagster UI and the service over the lake, with sensors and schedules running.

    Of the code server, the daemon, the web server and the service each is started again when it
    ends; if one keeps ending, all end and it is said which.
    """
    from funding_platform.local.dev import serve_sandbox_ui, serve_ui

    if sandbox:
        serve_sandbox_ui(
            port=port,
            service_port=service_port,
            symbols=symbols or SMALL_MARKET,
            faults=faults,
        )
    elif symbols or faults:
        raise click.UsageError("--symbols and --faults are those of sandbox venues: add --sandbox")
    else:
        serve_ui(port=port, service_port=service_port)


@click.command()
def publish() -> None:
    """Build data/funding.duckdb from the lake and rename it into place."""
    from funding_platform.lake.publish import publish as build

    for name, rows in build(settings()).items():
        click.echo(f"{rows:>12,}  {name}")
    click.echo(f"published {settings().published_file}")


@click.command()
@click.option(
    "--keep-days",
    type=click.IntRange(min=0),
    help="Days of time travel to keep, at least the last one, whose readers may still be at work; "
    "FUNDING_SNAPSHOT_RETENTION_DAYS when left out.",
)
@click.option(
    "--trust-clock",
    is_flag=True,
    help="Count ages by the clock, although nothing was committed for long before now.",
)
@click.option("--dry-run", is_flag=True, help="Show what would go, and change nothing.")
def maintain(keep_days: int | None, trust_clock: bool, dry_run: bool) -> None:
    """Drop old rows and snapshots, merge small files, delete files that nothing needs.

    Snapshots and files of the last day stay whatever the options say.
    """
    from funding_platform.lake.upkeep.maintenance import maintain as run

    kept = settings().snapshot_retention_days if keep_days is None else keep_days
    if dry_run:
        _show_savings(kept, trust_clock)
        return
    report = run(settings(), keep_days=kept, trust_clock=trust_clock)
    for name, rows in report.rows_dropped.items():
        click.echo(f"{rows:,} rows of {name} dropped")
    click.echo(
        f"{report.snapshots_expired} snapshots expired, "
        f"{report.leftovers_removed} files of killed writers deleted, "
        f"{report.files_before} data files became {report.files_after}"
    )
    click.echo(
        f"the lake took {report.bytes_before:,} bytes and takes {report.bytes_after:,}: "
        f"{report.bytes_won:,} won; what was merged goes once no snapshot reads it"
    )
    if report.files_unknown:
        click.echo(f"{report.files_unknown} files that the catalog does not know were left alone")
    if report.pause:
        click.echo(f"clock: {report.pause}")
    if report.vacuum_fault:
        click.echo(f"the catalog kept its size: {report.vacuum_fault}")


def _show_savings(keep_days: int, trust_clock: bool) -> None:
    import polars as pl

    from funding_platform.lake.upkeep.savings import Saving, savings
    from funding_platform.views.terminal import show

    found = savings(settings(), keep_days=keep_days, trust_clock=trust_clock)
    show(pl.DataFrame(found, schema=Saving._fields, orient="row"))
    click.echo("nothing was changed")


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
def upgrade(dry_run: bool) -> None:
    """Bring a lake of an older version to the tables of this one, all in one commit."""
    import polars as pl

    from funding_platform.lake.upgrade import planned
    from funding_platform.lake.upgrade import upgrade as run
    from funding_platform.views.terminal import show

    steps = planned(settings()) if dry_run else run(settings())
    if not steps:
        click.echo("the lake's tables are those of this version")
        return
    show(
        pl.DataFrame(
            {
                "table": step.change.table.full_name,
                "column": step.change.column or None,
                "change": step.change.what,
                "rows filled": step.filled,
                "rows that do not fit": step.refused,
            }
            for step in steps
        )
    )
    click.echo("nothing was changed" if dry_run else f"made {len(steps)} changes in one commit")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
@click.option("--ask-venues", is_flag=True, help="Also open a connection to every venue.")
def doctor(as_json: bool, ask_venues: bool) -> None:
    """Check the installation, the lake, its data and Dagster, and say what to mend."""
    from funding_platform.flows.doctor import examine
    from funding_platform.views.terminal import remark

    findings = examine(settings(), datetime.now(UTC), facts=_dagster_facts, ask_venues=ask_venues)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            mark, style = ("ok ", "green") if finding.well else ("bad", "red")
            remark(mark, style, finding.text)
            if finding.remedy:
                remark("  ->", style, finding.remedy)
    sys.exit(0 if all(finding.well for finding in findings) else 1)


@click.command()
@click.option("--serve", is_flag=True, help="Answer over HTTP until interrupted.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
def metrics(serve: bool, host: str) -> None:
    """Print figures for Prometheus, or serve them."""
    from funding_platform.flows.metrics import families
    from funding_platform.telemetry.metrics import exposition
    from funding_platform.telemetry.metrics import serve as start

    chosen = settings()

    def asked() -> "Iterator[Family]":
        return families(chosen, datetime.now(UTC), _dagster_facts)

    if not serve:
        click.echo(exposition(asked), nl=False)
        return
    server, thread = start(asked, chosen.metrics_port, host)
    click.echo(f"http://{host}:{server.server_port}/metrics")
    thread.join()


def _dagster_facts() -> "DagsterFacts":
    """Ask Dagster, which takes a second to import."""
    from funding_platform.defs.running.facts import dagster_facts

    return dagster_facts()
