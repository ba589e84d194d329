"""A trader over paper venues without friction, on a clock that a test moves."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from funding_platform.core.system.clock import Clock
from funding_platform.execution.config import TradingConfig
from funding_platform.execution.cycle.sight import GivenMarket, MarketSource, Sight
from funding_platform.execution.paper.exchange import PaperExchange
from funding_platform.flows.execution.running import Desk, open_desk
from funding_platform.paper import PaperEngine
from funding_platform.paper.market import Settlement
from funding_platform.paper.priced import PricedMarket
from funding_platform.paper.rules import FREE, PaperRules
from funding_platform.settings import Settings
from funding_platform_tests.execution.cycle.seen import NOW, Row, market, opportunities


@dataclass
class MovedClock:
    """A clock that stands still but for those who sleep, and for whoever moves it."""

    at: datetime = NOW
    seconds: float = 0.0

    def clock(self) -> Clock:
        return Clock(timer=lambda: self.seconds, sleep=self.sleep, now=lambda: self.at)

    async def sleep(self, seconds: float) -> None:
        self.move(seconds)
        await asyncio.sleep(0)

    def move(self, seconds: float) -> None:
        self.seconds += seconds
        self.at += timedelta(seconds=seconds)


@dataclass
class PaperVenues:
    """Venues that outlive whoever trades on them."""

    moved: MovedClock = field(default_factory=MovedClock)
    markets: dict[str, PricedMarket] = field(default_factory=dict)
    exchanges: dict[str, PaperExchange] = field(default_factory=dict)

    def list_(
        self, rows: Iterable[Row], rules: PaperRules = FREE, deposit: Decimal = Decimal(10_000)
    ) -> None:
        """List instruments at their prices, and open an account where there is none."""
        for row in rows:
            prices = self.markets.setdefault(row["venue"], PricedMarket({}))
            prices.set_price(row["venue_symbol"], Decimal(repr(row["price"])))
        for venue, priced in self.markets.items():
            if venue not in self.exchanges:
                engine = PaperEngine(priced, rules)
                engine.deposit(deposit)
                clock = self.moved.clock()
                self.exchanges[venue] = PaperExchange(venue, engine, clock=clock)

    def settle(self, venue: str, symbol: str, at: datetime, rate: str, mark: str) -> None:
        settlement = Settlement(settled_at=at, rate=Decimal(rate), mark=Decimal(mark))
        self.markets[venue].settle(symbol, settlement)

    @property
    def equity(self) -> Decimal:
        return sum((one.engine.balance().equity_usd for one in self.exchanges.values()), Decimal(0))


def given(rows: Iterable[Row], offered: Iterable[Row]) -> GivenMarket:
    frame = opportunities(list(offered))
    newest = frame["observed_at"].max() if frame.height else None
    assert newest is None or isinstance(newest, datetime)
    return GivenMarket(
        Sight(instruments=market(rows).instruments, opportunities=frame, opportunities_at=newest)
    )


@asynccontextmanager
async def desk(
    folder: Path, venues: PaperVenues, source: MarketSource, config: TradingConfig
) -> AsyncIterator[Desk]:
    settings = Settings(data_dir=folder)
    async with open_desk(
        settings,
        config,
        clock=venues.moved.clock(),
        source=source,
        accounts=venues.exchanges,
    ) as opened:
        yield opened


def config(strategy: Any, **sections: Mapping[str, Any]) -> TradingConfig:
    return TradingConfig.model_validate({"strategy": strategy, "control_port": None, **sections})
