"""OKX's bars of swaps, indices and spot markets, and the open interest of swaps."""

from datetime import timedelta
from typing import Final

from msgspec import field

from funding_platform.core.time_grid import HOUR
from funding_platform.venues.contract import Venue
from funding_platform.venues.paging.backward import Backward, BackwardOpen
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.candles import (
    Candle,
    CandlePage,
    InterestPage,
    InterestPoint,
    SpotListing,
)
from funding_platform.venues.parsing.fields import MaybeReal, Time
from funding_platform.venues.parsing.payloads import BarRow, Payload
from funding_platform.venues.rest.endpoints import Endpoint, Params
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.specification import CandleSpec, HourlySpec

FINISHED: Final = "1"


class _Bar(BarRow):
    """Of trades: contracts (of spot, base), base and quote."""

    volume: MaybeReal
    volume_base: MaybeReal
    volume_quote: MaybeReal
    confirm: str


class _Price(BarRow):
    """Of mark and index."""

    confirm: str


class _Held(Payload, array_like=True):
    time_ms: Time
    contracts: MaybeReal
    open_interest_base: MaybeReal
    open_interest_quote: MaybeReal  # dollars


class _SpotInstrument(Payload):
    venue_symbol: str = field(name="instId")
    base: str = field(name="baseCcy")
    quote: str = field(name="quoteCcy")
    state: str


# The calls without "history" end after 1,440 bars, as if nothing were older.
TRADE_CANDLES: Final = Endpoint(
    "/api/v5/market/history-candles", list[_Bar], within="data", budget=Budget("candles", 20, 2)
)
PRICE_CANDLES: Final = {
    kind: Endpoint(
        f"/api/v5/market/history-{call}",
        list[_Price],
        within="data",
        budget=Budget(f"{kind} candles", 10, 2),
    )
    for kind, call in (("mark", "mark-price-candles"), ("index", "index-candles"))
}
HELD: Final = Endpoint(
    "/api/v5/rubik/stat/contracts/open-interest-history",
    list[_Held],
    within="data",
    budget=Budget("statistics", 5, 2),
)
SPOT_INSTRUMENTS: Final = Endpoint(
    "/api/v5/public/instruments", list[_SpotInstrument], within="data"
)

CANDLES: Final = (
    CandleSpec(kinds=("mark", "index"), pager=BackwardOpen, page_size=100),
    CandleSpec(kinds=("trade",), pager=BackwardOpen, page_size=300),
)
SPOT_CANDLES: Final = CandleSpec(pager=BackwardOpen, page_size=300)
# A figure is of the hour that begins at its time, so it is known when that is over.
OPEN_INTEREST_HISTORY: Final = HourlySpec(
    pager=Backward, page_size=100, depth=timedelta(days=60), lasts=HOUR
)


class OkxHours(Venue):
    """What OKX hands out by the hour."""

    async def fetch_candles(self, symbol: str, kind: str, ask: Ask) -> CandlePage:
        """Fetch one page of bars up to the ask's end, newest first; of the index by its pair."""
        if kind == "trade":
            return await self._trades(symbol, ask)
        named = pair_of(symbol) if kind == "index" else symbol
        rows = await self.fetch(PRICE_CANDLES[kind], _bars(named, ask))
        candles = [Candle.of(row, venue_symbol=symbol) for row in rows]
        return CandlePage.finished(candles, lambda place: rows[place].confirm == FINISHED)

    async def fetch_spot_listings(self) -> list[SpotListing]:
        """List the instruments of the spot market."""
        rows = await self.fetch(SPOT_INSTRUMENTS, {"instType": "SPOT"})
        return [SpotListing.of(row, trades=row.state == "live") for row in rows]

    async def fetch_spot_candles(self, symbol: str, ask: Ask) -> CandlePage:
        """Fetch the same of a spot market; its sixth and seventh column say the same."""
        return await self._trades(symbol, ask)

    async def fetch_open_interest(self, symbol: str, ask: Ask) -> InterestPage:
        """Fetch one page of what was held, newest first; both edges may be left out."""
        edges: Params = {"begin": ask.start_ms - 1, "end": ask.end_ms, "limit": ask.limit}
        rows = await self.fetch(HELD, {"instId": symbol, "period": "1H", **edges})
        return InterestPage([InterestPoint.of(row, venue_symbol=symbol) for row in rows])

    async def _trades(self, symbol: str, ask: Ask) -> CandlePage:
        rows = await self.fetch(TRADE_CANDLES, _bars(symbol, ask))
        candles = [Candle.of(row, venue_symbol=symbol) for row in rows]
        return CandlePage.finished(candles, lambda place: rows[place].confirm == FINISHED)


def _bars(named: str, ask: Ask) -> Params:
    return {"instId": named, "bar": "1H", "after": ask.end_ms + 1, "limit": ask.limit}


def pair_of(symbol: str) -> str:
    """Return base and quote: BTC-USDT of a swap, BTC-USD of an X-Perp."""
    return "-".join(symbol.partition("_")[0].split("-")[:2])
