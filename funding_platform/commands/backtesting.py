"""Commands that simulate: run a backtest, look at it, run it again, vary it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from funding_platform.commands.backtest_risk import capacity, stress
from funding_platform.commands.common import say, settings, text_format, write_frame

if TYPE_CHECKING:
    from funding_platform.backtest.config import BacktestConfig
    from funding_platform.backtest.search.parameters import SweepPlan
    from funding_platform.backtest.search.walk_forward import WalkForwardPlan
    from funding_platform.flows.queries.trading.runs import StoredRun

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
DAYS = click.FloatRange(min=1 / 24, max=36_600)  # the bounds of WalkForwardPlan

_config = click.option(
    "--config",
    "file",
    type=FILE,
    required=True,
    help="The configuration, TOML, YAML or JSON; backtests/carry.toml is an example.",
)
_changes = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Change a field of it, e.g. costs.flat_fee_bps=4; repeatable.",
)
_name = click.option("--name", help="What to call it; the strategy's name when left out.")


@click.group()
def backtest() -> None:
    """Simulate funding strategies over the lake, and keep what came of it."""


backtest.add_command(stress)
backtest.add_command(capacity)


@backtest.command()
@_config
@_changes
@_name
def run(file: Path, changes: tuple[str, ...], name: str | None) -> None:
    """Run a configuration, store the run, and write its report."""
    from funding_platform.flows.backtests.files import parse_changes, read_config
    from funding_platform.flows.backtests.reports import write_report
    from funding_platform.flows.backtests.runs import run_and_store
    from funding_platform.views.terminal import progress_bars

    config = read_config(file, settings(), parse_changes(changes))
    with progress_bars():
        stored = run_and_store(settings(), config, name=name)
        report = write_report(settings(), stored)
    _present(stored)
    say(f"report {report}")


@backtest.command("list")
@click.option("--sweeps", is_flag=True, help="Sweeps and walk-forwards, not runs.")
@click.option("--sweep", "sweep_id", help="The trials of one sweep, or the folds of a walk.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Rows at most."
)
@text_format
def list_(sweeps: bool, sweep_id: str | None, limit: int, form: str) -> None:
    """List what has been run, the newest first."""
    from funding_platform.flows.queries import load_sweep, open_lake, stored_runs, stored_sweeps
    from funding_platform.views.tables import SHOWN_RUNS, SHOWN_SWEEPS

    if sweeps and sweep_id:
        raise click.UsageError("--sweeps lists all of them, --sweep one: take either")
    with open_lake(settings()) as lake:
        if sweep_id:
            found = load_sweep(lake, sweep_id)[1]
        else:
            found = stored_sweeps(lake) if sweeps else stored_runs(lake)
    shown = SHOWN_SWEEPS if sweeps else SHOWN_RUNS
    found = found.head(limit)
    write_frame(found if form == "json" else found.select(shown), form)


@backtest.command("show")
@click.argument("run_id")
@click.option("--config", "only_config", is_flag=True, help="Its configuration only, as JSON.")
def show_run(run_id: str, only_config: bool) -> None:
    """Show what RUN_ID achieved. A beginning of an id will do, and so will `latest`."""
    from funding_platform.flows.queries.connection import open_lake
    from funding_platform.flows.queries.trading.runs import StoredRun, load_run, run_row

    with open_lake(settings()) as lake:
        found = StoredRun(run_row(lake, run_id), None) if only_config else load_run(lake, run_id)
    if only_config:
        say(found.config.model_dump_json(indent=2))
    else:
        _present(found)


@backtest.command()
@click.argument("run_id")
def rerun(run_id: str) -> None:
    """Run RUN_ID again on the data that it had, and prove that the result is identical."""
    from funding_platform.flows.backtests.runs import rerun as again
    from funding_platform.views.terminal import progress_bars

    with progress_bars():
        stored = again(settings(), run_id)
    say(f"{stored.run_id}: identical, bit by bit")


@backtest.command()
@click.argument("first")
@click.argument("second")
def compare(first: str, second: str) -> None:
    """Compare two runs side by side: their figures, and where their configurations differ."""
    from funding_platform.flows.backtests.runs import compare_runs, config_changes
    from funding_platform.flows.queries.connection import open_lake
    from funding_platform.flows.queries.trading.runs import run_row
    from funding_platform.views.terminal import show

    with open_lake(settings()) as lake:
        rows = run_row(lake, first), run_row(lake, second)
    show(compare_runs(*rows))
    changes = config_changes(*rows)
    if changes.is_empty():
        say("their configurations are the same")
    else:
        show(changes, title="where their configurations differ")


@backtest.command()
@click.argument("run_id")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
@click.option(
    "--capacity", "sizes", is_flag=True, help="With the strategy run again at other sizes."
)
def report(run_id: str, output: Path | None, sizes: bool) -> None:
    """Write everything about RUN_ID into one HTML file."""
    from funding_platform.flows.backtests.reports import write_report
    from funding_platform.flows.backtests.stress import capacity_of
    from funding_platform.flows.queries import load_run, open_lake
    from funding_platform.views.terminal import progress_bars

    with open_lake(settings()) as lake:
        stored = load_run(lake, run_id)
    with progress_bars():
        curve = capacity_of(settings(), stored) if sizes else None
    say(f"report {write_report(settings(), stored, output, capacity=curve)}")


@backtest.command()
@_config
@_changes
@click.option(
    "--axis",
    "axes",
    multiple=True,
    required=True,
    metavar="FIELD=VALUE,VALUE",
    help="Values to try, e.g. strategy.erosion=0.5,0.8; repeatable, all combinations are tried.",
)
@click.option("--samples", type=click.IntRange(min=1), help="Draw so many of them at random.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of that draw."
)
@click.option("--in-sample-days", type=DAYS, help="Walk forward: choose on so many days.")
@click.option("--out-of-sample-days", type=DAYS, help="Walk forward: then run for so many.")
@click.option("--anchored", is_flag=True, help="Walk forward: choose on all days so far.")
@click.option(
    "--floor",
    type=float,
    help="Walk forward: trade only what had a higher Sharpe ratio in sample; 0 when left out.",
)
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True)
@_name
def sweep(
    file: Path,
    changes: tuple[str, ...],
    axes: tuple[str, ...],
    samples: int | None,
    seed: int,
    in_sample_days: float | None,
    out_of_sample_days: float | None,
    anchored: bool,
    floor: float | None,
    workers: int,
    name: str | None,
) -> None:
    """Run a configuration at many points, or walk forward through them."""
    from funding_platform.backtest.errors import SweepError
    from funding_platform.backtest.search.parameters import SweepPlan
    from funding_platform.core.validation_errors import raise_as
    from funding_platform.flows.backtests.files import parse_axes, parse_changes, read_config

    division = _division(in_sample_days, out_of_sample_days, anchored, floor)
    with raise_as(SweepError, "the sweep makes no sense", SweepPlan.model_fields):
        plan = SweepPlan(
            axes=parse_axes(axes),
            method="random" if samples else "grid",
            samples=samples,
            seed=seed,
        )
    config = read_config(file, settings(), parse_changes(changes))
    if division is None:
        _sweep(config, plan, workers, name)
    else:
        _walk_forward(config, plan, division, workers, name)


def _division(
    in_sample: float | None, out_of_sample: float | None, anchored: bool, floor: float | None
) -> "WalkForwardPlan | None":
    """Plan how a walk-forward divides its window; None where none was asked for."""
    from funding_platform.backtest.errors import SweepError
    from funding_platform.backtest.search.walk_forward import WalkForwardPlan
    from funding_platform.core.validation_errors import raise_as

    if in_sample is None and out_of_sample is None and not anchored and floor is None:
        return None
    if in_sample is None or out_of_sample is None:
        raise click.UsageError("a walk-forward needs --in-sample-days and --out-of-sample-days")
    with raise_as(SweepError, "the walk-forward makes no sense", WalkForwardPlan.model_fields):
        return WalkForwardPlan(
            in_sample_days=in_sample,
            out_of_sample_days=out_of_sample,
            anchored=anchored,
            floor=0.0 if floor is None else floor,
        )


def _sweep(config: "BacktestConfig", plan: "SweepPlan", workers: int, name: str | None) -> None:
    """Run all points, and say what the best of them is worth."""
    from funding_platform.flows.backtests.reports import sweep_verdict
    from funding_platform.flows.backtests.sweeps import sweep_and_store
    from funding_platform.views.tables import trial_table
    from funding_platform.views.terminal import progress_bars, show

    with progress_bars():
        found = sweep_and_store(settings(), config, plan, name=name, workers=workers)
    show(trial_table(found.trials), title=found.row["sweep_id"])
    say(sweep_verdict(found.row))
    if all(trial.error for trial in found.trials):
        sys.exit(1)


def _walk_forward(
    config: "BacktestConfig",
    plan: "SweepPlan",
    division: "WalkForwardPlan",
    workers: int,
    name: str | None,
) -> None:
    """Fold by fold what was chosen and what it earned, then all of them together."""
    from funding_platform.flows.backtests.reports import fold_table, walk_verdict
    from funding_platform.flows.backtests.walk_forwards import walk_forward_and_store
    from funding_platform.views.terminal import progress_bars, show

    with progress_bars():
        found = walk_forward_and_store(
            settings(), config, plan, division, name=name, workers=workers
        )
    show(fold_table(found.folds), title=found.row["sweep_id"])
    say(walk_verdict(found.row))
    if failures := found.row["failures"]:
        say(f"{len(failures)} runs in sample failed, the first: {failures[0]}", err=True)
    for warning in found.warnings:
        say(f"warning: {warning}", err=True)


def _present(stored: "StoredRun") -> None:
    """Print what identifies a run, its figures, its venue pairs and its warnings."""
    from funding_platform.flows.backtests.reports import by_group, figure_table, run_facts
    from funding_platform.views.terminal import show

    for what, fact in run_facts(stored).items():
        say(f"{what:<14} {fact}")
    show(figure_table(stored.row))
    if stored.result is not None:
        show(by_group(stored.result, "venues"), title="by venue pair, long legs first")
    for warning in stored.row["warnings"]:
        say(f"warning: {warning}", err=True)
