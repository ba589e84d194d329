"""The demonstration: three months of every venue, from the wire to opportunities and a backtest."""

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg

from funding_platform.arbitrage import OpportunityFilter
from funding_platform.client import Client
from funding_platform.core.errors import FundingError
from funding_platform.defs.assembly import build_definitions
from funding_platform.flows.backtests.reports import figure_table, report_file
from funding_platform.flows.live.collector import collect_live
from funding_platform.flows.live.latest import PAIRS, VENUES, Latest, read_latest
from funding_platform.flows.progress import step
from funding_platform.flows.queries import (
    coverage_by_month,
    latest_curves,
    load_run,
    open_lake,
    ranked_opportunities,
)
from funding_platform.flows.queries.trading.runs import LATEST, StoredRun
from funding_platform.local.demo_trading import trade_and_show
from funding_platform.local.home import dagster_instance
from funding_platform.local.sandbox_run import SandboxRun, failed_checks, sandbox_venues
from funding_platform.sandbox.server import build_market
from funding_platform.service.server import serving
from funding_platform.settings import Settings
from funding_platform.views.live_tables import shown_pairs, shown_venues
from funding_platform.views.opportunity_words import shown_opportunities
from funding_platform.views.terminal import console, plot_curves, progress_bars, remark, show

NEXT_STEPS = """\
  source .venv/bin/activate          for the commands below, in a checkout
  funding dev --sandbox              the Dagster UI over this lake, sensors and streams running
  funding live watch                 beside it: the market as it stands, every second
  funding trade watch                the pairs on paper that it opens and holds
  funding serve                      the dashboard, REST and streams: http://127.0.0.1:8400/
  funding query "FROM marts.latest_funding_rates LIMIT 10"
  funding opportunities --base BTC   ranked pairs of one base
  funding backtest show latest       what the backtest did; `--help` for more
  jupyter lab notebooks              the same from Python, if Jupyter is installed
  duckdb {published}
"""


LIVE_SECONDS = 10.0
LIVE_ROWS = 5
SERVED_ROWS = 3

LOG_NAME = "demo.log"
"""Under the data folder: what dbt prints while the bars have the screen."""


class DemoError(FundingError):
    """A job of the demonstration failed."""


def run_demo(*, months: int, symbols: int) -> None:
    """Run every job once on a synthetic market and show what came of it.

    Raises
    ------
    DemoError
        If a job fails.
    """
    began = time.monotonic()
    settings = Settings()
    log = settings.data_dir / LOG_NAME
    with sandbox_venues(partial(build_market, symbols=symbols)) as stated, progress_bars(log):
        world = SandboxRun(build_definitions(**stated), dagster_instance())
        results = [_succeeded(result, what) for what, result in world.everything(months)]
        with step(f"live, {LIVE_SECONDS:g} s of it"):
            collect_live(Settings(**stated), "demo", LIVE_SECONDS)
    run = show_tables(settings)
    tell_report(report_file(settings, run.run_id))
    _show_live(read_latest(settings))
    trade_and_show(settings, symbols=symbols)
    _serve_and_ask(settings)
    for failure in failed_checks(results):
        remark("asset check failed", "yellow", failure)
    console.print(
        f"finished in {time.monotonic() - began:.0f} s; everything lies in {settings.data_dir}",
        markup=False,
    )
    tell_next_steps(settings)


def tell_next_steps(settings: Settings) -> None:
    """Print what can be done with what the demo left, under a heading."""
    console.print("\nNext", style="bold")
    next_steps = NEXT_STEPS.format(published=settings.published_file)
    console.print(next_steps, highlight=False, markup=False, soft_wrap=True)


def _show_live(latest: Latest) -> None:
    """Show what the collector saw in the seconds that it ran."""
    show(shown_venues(latest.frames[VENUES]), title="Live: what the streams brought in ten seconds")
    if PAIRS in latest.frames:
        best = shown_pairs(latest.frames[PAIRS], LIVE_ROWS)
        show(best, title="Live: best pairs after costs, as the board stood")


def _serve_and_ask(settings: Settings) -> None:
    """Serve for a moment, and ask for the best pairs as a program would."""
    with serving(settings) as (url, _), Client(url) as client:
        best = client.best_opportunities(limit=SERVED_ROWS)
    columns = ("asset", "long_venue", "short_venue", "net_apr", "cost_bps", "tier")
    asked = f"GET /api/v1/opportunities/best?limit={SERVED_ROWS}"
    show(best.frame().select(columns), title=f"Service: {asked}")
    console.print(
        "`funding serve` answers that at http://127.0.0.1:8400/api/v1, with the dashboard at "
        "http://127.0.0.1:8400/",
        markup=False,
        soft_wrap=True,
    )


def backtest_words(row: Mapping[str, Any]) -> str | None:
    """Say why a backtest has nothing to show; None where its figures speak."""
    if row["n_trades"] == 0:
        return (
            "it opened nothing: in this market no divergence would have recovered its costs with "
            "the margin that backtests/carry.toml asks for"
        )
    if row["net_pnl_usd"] < 0:
        return "what it earned did not pay for its costs: in this market a careful person stays out"
    return None


def _succeeded(result: dg.ExecuteInProcessResult, what: str) -> dg.ExecuteInProcessResult:
    if not result.success:
        raise DemoError(
            f"{what} failed in run {result.run_id}", hint="see the run in the UI: `make dev`"
        )
    return result


def show_tables(settings: Settings) -> StoredRun:
    """Show coverage, the ten best opportunities, each venue's BTC curve, and the backtest.

    Returns
    -------
    StoredRun
        The backtest.
    """
    wanted = OpportunityFilter(limit=10)
    with open_lake(settings) as lake:
        coverage = coverage_by_month(lake)
        best = ranked_opportunities(lake, wanted)
        curves = latest_curves(lake, "BTC")
        run = load_run(lake, LATEST)
    show(coverage, title="Coverage: settlements present against expected")
    show(shown_opportunities(best, wanted), title="Ten best opportunities, net of all costs")
    plot_curves(curves, "BTC funding by venue, annualised")
    show(figure_table(run.row), title="Backtest, every cost charged")
    if said := backtest_words(run.row):
        remark("backtest", "yellow", said)
    return run


def tell_report(report: Path) -> None:
    """Say where the report of the backtest is."""
    console.print(f"its report is {report}", markup=False, soft_wrap=True)
