"""The trading part of the demonstration: pairs on paper, held through settlements and closed.

It trades against the sandbox's market in this process, on a clock that nobody waits for: whoever
sleeps moves it. So two settlements pass within seconds, and everything else is as it always is:
strategy, limits, both legs or neither, funding of each settlement, the store.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import polars as pl
from pydantic import SecretStr
from sqlalchemy import select

from funding_platform.core.system.clock import Clock
from funding_platform.core.time_grid import floor_hour, from_ms, to_ms
from funding_platform.core.trading import ZERO
from funding_platform.execution.config import TradingConfig
from funding_platform.execution.cycle.market import MARKET
from funding_platform.execution.cycle.sight import MarketSource, Sight
from funding_platform.execution.ledger import PairLedger, ledgers, live_ledgers
from funding_platform.execution.pair.pairs import InstrumentRef, Pnl
from funding_platform.execution.paper.exchange import PaperExchange
from funding_platform.execution.store import schema
from funding_platform.flows.execution.frames import fills_frame, positions_frame
from funding_platform.flows.execution.market import LakeMarket
from funding_platform.flows.execution.running import Desk, open_desk, trading_config
from funding_platform.flows.execution.sizes import sizes_of
from funding_platform.paper import PaperEngine, PaperRules
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.paper.market import SandboxPaperMarket
from funding_platform.sandbox.server import build_market
from funding_platform.settings import Settings
from funding_platform.views.terminal import console, remark, show
from funding_platform.views.trading_tables import shown_costs, shown_fills, shown_history

SETTLEMENTS: Final = 2
"""Of each leg, before a pair is closed."""

MOST_HOURS: Final = 17
"""Two of the longest intervals, and an hour."""

_SHOWN_FILLS: Final = 8


@dataclass(slots=True)
class JumpingClock:
    """A clock that moves when somebody sleeps, by as much, and does not wait."""

    start: datetime
    seconds: float = 0.0

    def now(self) -> datetime:
        """Return the present of whoever lives in it."""
        return self.start + timedelta(seconds=self.seconds)

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds
        await asyncio.sleep(0)

    def clock(self) -> Clock:
        """Return it as everything that waits takes it."""
        return Clock(timer=lambda: self.seconds, sleep=self.sleep, now=self.now)


@dataclass(slots=True)
class SandboxSight:
    """A ``MarketSource``: the lake once, then its instruments as the sandbox quotes them.

    What the lake called an opportunity is one as long as it is young; it is not collected again.
    """

    lake: MarketSource
    market: Market
    seen: Sight | None = None

    def look(self, held: Sequence[InstrumentRef]) -> Sight:
        """Return the market of now."""
        if self.seen is None:
            self.seen = self.lake.look(held)
        now = from_ms(self.market.now_ms())
        rows = [
            {**row, **quoted, "seen_at": now}
            for row in self.seen.instruments.iter_rows(named=True)
            if (quoted := self._quoted(row["venue"], row["venue_symbol"], now)) is not None
        ]
        return replace(self.seen, instruments=pl.DataFrame(rows, schema=MARKET))

    def _quoted(self, venue: str, symbol: str, now: datetime) -> dict[str, Any] | None:
        """Return what the sandbox quotes of an instrument; None where it does not trade."""
        quote = self.market.quotes(venue).get(symbol)
        mark = SandboxPaperMarket(self.market, venue).mark(symbol, now)
        if quote is None or mark is None:
            return None
        following = quote.next_funding_ms
        return {
            "price": float(mark),
            "predicted_rate": quote.predicted_rate,
            "next_funding_time": None if following is None else from_ms(following),
        }


def trade_and_show(settings: Settings, *, symbols: int) -> None:
    """Trade as ``execution/paper.yaml`` says until each leg was settled twice; show what came.

    Parameters
    ----------
    symbols
        Instruments per venue of the sandbox that the lake was collected from.
    """
    asyncio.run(_trade_and_show(settings, symbols))


async def _trade_and_show(settings: Settings, symbols: int) -> None:
    file = settings.data_dir / "execution" / "demo.sqlite"
    for left in file.parent.glob(f"{file.name}*"):
        left.unlink()  # of the demonstration before this one
    own = settings.model_copy(update={"execution_url": SecretStr(f"sqlite:///{file}")})
    config = trading_config(own)
    jumping = JumpingClock(datetime.now(UTC))
    market = build_market(symbols=symbols, clock=lambda: to_ms(jumping.now()))
    clock = jumping.clock()
    accounts = _accounts(market, config, clock)
    source = SandboxSight(LakeMarket(settings, config), market)
    before = _equity(accounts)
    async with open_desk(own, config, clock=clock, source=source, accounts=accounts) as desk:
        await _hold(desk, jumping)
        journal = desk.trader.journal
        pairs = ledgers(journal, journal.pairs())
        rows = [dict(row._mapping) for row in desk.store.rows(select(schema.FILLS))]
        fills = fills_frame(rows, sizes_of(journal, rows))
        told = [event.reason for event in desk.store.events()]
    if fills.is_empty():
        remark("paper trading", "yellow", f"it opened nothing: {'; '.join(dict.fromkeys(told))}")
        return
    hours = jumping.seconds / 3600
    _show(pairs, fills, before, _equity(accounts), hours)
    console.print(
        f"the store is {file}; FUNDING_EXECUTION_URL=sqlite:///{file} funding trade history reads "
        "it",
        markup=False,
        soft_wrap=True,
    )


async def _hold(desk: Desk, jumping: JumpingClock) -> None:
    """Open, hold hour by hour until each leg was settled twice, and close what is left."""
    journal = desk.trader.journal
    await desk.reconciler.reconcile()
    await desk.trader.cycle()
    for _ in range(MOST_HOURS):
        held = live_ledgers(journal)
        if all(leg.settlements >= SETTLEMENTS for pair in held for leg in pair.legs.values()):
            break
        jumping.seconds += _to_next_hour(jumping.now())
        await desk.reconciler.reconcile()
        await desk.trader.cycle()
    for pair in live_ledgers(journal):
        await desk.trader.executor.close(pair.record.pair_id, "the demonstration ends")
    await desk.reconciler.reconcile()


def _to_next_hour(now: datetime) -> float:
    """Count the seconds to a minute after the next full hour: what settles then is paid by then."""
    return (floor_hour(now) + timedelta(hours=1, minutes=1) - now).total_seconds()


def _accounts(market: Market, config: TradingConfig, clock: Clock) -> dict[str, PaperExchange]:
    accounts = {}
    for venue in config.venues:
        rules = PaperRules(coin_collateral=config.sizes.coin_collateral)
        engine = PaperEngine(SandboxPaperMarket(market, venue), rules)
        engine.deposit(Decimal(repr(config.sizes.paper_balance_usd)))
        accounts[venue] = PaperExchange(venue, engine, clock=clock)
    return accounts


def _equity(accounts: dict[str, PaperExchange]) -> Decimal:
    return sum((one.engine.balance().equity_usd for one in accounts.values()), ZERO)


def _show(
    pairs: Sequence[PairLedger],
    fills: pl.DataFrame,
    before: Decimal,
    after: Decimal,
    hours: float,
) -> None:
    """Print positions, fills, funding, costs and the identity of profit."""
    title = f"Paper trading: held for {hours:.0f} h on a clock that jumps, and closed"
    show(shown_history(positions_frame(pairs), datetime.now(UTC)), title=title)
    show(shown_fills(fills, _SHOWN_FILLS), title=f"Paper trading: of {fills.height} fills the last")
    show(shown_costs(pairs), title="Paper trading: funding received, and costs, USD")
    earned = sum((pair.pnl for pair in pairs if pair.pnl is not None), Pnl())
    console.print(
        f"profit: trading {earned.trading_usd:+,.6f} - fees {earned.fees_usd:,.6f} + funding "
        f"{earned.funding_usd:+,.6f} = {earned.total_usd:+,.6f} USD; the accounts went from "
        f"{before:,.2f} by {after - before:+,.6f} USD: a difference of "
        f"{after - before - earned.total_usd:,.6f}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
