"""Commands that ask of a stored run what it would have lost, and what it could carry."""

import click

from funding_platform.commands.common import settings, text_format, write_frame


@click.command()
@click.argument("run_id")
@click.option("--scenario", "names", multiple=True, help="Only this one; repeatable.")
@text_format
def stress(run_id: str, names: tuple[str, ...], form: str) -> None:
    """Show what scenarios would have cost RUN_ID at its worst: crashes, failed venues, depegs.

    Losses are negative, in dollars; each scenario stands at the moment of the run at which it
    would have cost most.
    """
    from funding_platform.backtest.stress.scenarios import chosen
    from funding_platform.flows.backtests.stress import stress_of
    from funding_platform.flows.queries import load_run, open_lake

    scenarios = chosen(names)
    with open_lake(settings()) as lake:
        stored = load_run(lake, run_id)
    write_frame(stress_of(settings(), stored, scenarios), form)


@click.command()
@click.argument("run_id")
@text_format
def capacity(run_id: str, form: str) -> None:
    """Run RUN_ID again at a tenth of its size to thirty times: net against capital."""
    from funding_platform.flows.backtests.stress import capacity_of
    from funding_platform.flows.queries import load_run, open_lake

    with open_lake(settings()) as lake:
        stored = load_run(lake, run_id)
    write_frame(capacity_of(settings(), stored), form)
