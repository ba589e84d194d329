"""``funding trade``: the trader, its positions, and the few things that people may ask of it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from funding_platform.commands.common import (
    file_format,
    instant,
    say,
    settings,
    text_format,
    to_file,
    write_frame,
)

if TYPE_CHECKING:
    from funding_platform.execution.cycle.trader import CycleReport

_EVENTS_SHOWN = 12

config_file = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Configuration in YAML; execution/paper.yaml when left out.",
)
reason = click.option("--reason", help="Why, for the events; who asked when left out.")


@click.group()
def trade() -> None:
    """Hold pairs on paper: both legs or neither, as a strategy decides."""


@trade.command()
@config_file
@click.option("--cycles", type=click.IntRange(min=1), help="Stop after so many; without it, never.")
def run(config: Path | None, cycles: int | None) -> None:
    """Trade: reconcile with the venues, then cycle after cycle until interrupted."""
    import asyncio

    from funding_platform.flows.execution.running import trade_async, trading_config
    from funding_platform.venues.rest.retries import log_retries

    log_retries()
    chosen = settings()
    trading = trading_config(chosen, config)
    say(f"{trading.name}: {trading.strategy.name} on {', '.join(trading.venues)}")
    done = asyncio.run(trade_async(chosen, trading, cycles=cycles, told=_tell))
    say(f"stopped after {done} cycles")


@trade.command()
@text_format
def status(form: str) -> None:
    """Say how the trader stands: accounts, what it holds, sums, and the last events."""
    from funding_platform.flows.execution.reading import standing
    from funding_platform.views.terminal import show
    from funding_platform.views.trading_tables import (
        headline,
        shown_accounts,
        shown_events,
        shown_pairs,
        shown_totals,
    )

    now = datetime.now(UTC)
    stands = standing(settings())
    picture = stands.content()
    if form != "table":
        write_frame(shown_pairs(picture, now), form)
        return
    for line in headline(picture, now):
        say(line)
    show(shown_totals(picture), title="Sums, USD")
    show(shown_accounts(picture), title="Accounts")
    show(shown_pairs(picture, now), title="Pairs held")
    show(shown_events(stands.events, _EVENTS_SHOWN), title="Last events")


@trade.command()
@file_format
@to_file
def positions(form: str, output: Path | None) -> None:
    """List the pairs that are held, or on their way in or out."""
    from funding_platform.execution.store.journal import LIVE
    from funding_platform.flows.execution.reading import positions as read
    from funding_platform.views.trading_tables import shown_history

    found = read(settings(), *LIVE)
    write_frame(shown_history(found, datetime.now(UTC)) if form == "table" else found, form, output)


@trade.command()
@click.option("--since", callback=instant, help="Those that changed since; all when left out.")
@file_format
@to_file
def history(since: datetime | None, form: str, output: Path | None) -> None:
    """List every pair that was ever opened or tried, and what it brought."""
    from funding_platform.flows.execution.reading import positions as read
    from funding_platform.views.trading_tables import shown_history

    found = read(settings(), since=since)
    write_frame(shown_history(found, datetime.now(UTC)) if form == "table" else found, form, output)


@trade.command()
@click.argument("pair_id")
@config_file
def close(pair_id: str, config: Path | None) -> None:
    """Close one pair, with orders that can only reduce."""
    from funding_platform.execution.commands import CLOSE
    from funding_platform.flows.execution.asking import ask

    say(ask(settings(), CLOSE, {"pair_id": pair_id}, config=config))


@trade.command(name="close-all")
@config_file
def close_all(config: Path | None) -> None:
    """Close everything that is held. The strategy may open again: halt first to stay out."""
    from funding_platform.execution.commands import CLOSE_ALL
    from funding_platform.flows.execution.asking import ask

    say(ask(settings(), CLOSE_ALL, config=config))


@trade.command()
@config_file
def reconcile(config: Path | None) -> None:
    """Compare the venues with the store, and mend the store."""
    from funding_platform.execution.commands import RECONCILE
    from funding_platform.flows.execution.asking import ask

    say(ask(settings(), RECONCILE, config=config))


@trade.command()
@reason
def halt(reason: str | None) -> None:
    """Stop new risk at once, until `resume`; what is open can still be closed."""
    from funding_platform.execution.commands import HALT
    from funding_platform.flows.execution.asking import ask

    say(ask(settings(), HALT, {"reason": reason}))


@trade.command()
@reason
def resume(reason: str | None) -> None:
    """Allow new risk again."""
    from funding_platform.execution.commands import RESUME
    from funding_platform.flows.execution.asking import ask

    say(ask(settings(), RESUME, {"reason": reason}))


@trade.command()
def watch() -> None:
    """Show the trader on this terminal, again every second; the key h halts new risk."""
    from functools import partial

    from funding_platform.execution.store.store import open_store
    from funding_platform.flows.execution.asking import person
    from funding_platform.flows.execution.reading import standing_of
    from funding_platform.views.trade_watch import TradeWatch

    with open_store(settings().execution_store, trades=False) as store:
        halt = partial(store.halt, "on the terminal", person())
        TradeWatch(partial(standing_of, store), halt, lambda: datetime.now(UTC)).run()


def _tell(report: "CycleReport") -> None:
    totals, number = report.content["since_start"], report.content["cycle"]["number"]
    earned = "unknown" if totals["pnl_usd"] is None else f"{totals['pnl_usd']:+,.2f} USD"
    say(
        f"cycle {number}: {report.opened} opened, {report.closed} closed, "
        f"{len(report.content['cycle']['refused'])} refused; {len(report.pairs)} held, "
        f"P&L {earned}; {report.seconds:.2f} s"
    )
