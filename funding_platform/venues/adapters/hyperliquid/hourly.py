"""Hyperliquid's bars of perpetuals and of its spot market: of deals, and none of marks."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from msgspec import field

from funding_platform.core.time_grid import HOUR
from funding_platform.venues.contract import Venue
from funding_platform.venues.paging.ascending import Ascending
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.candles import SPOT, Candle, CandlePage, SpotListing
from funding_platform.venues.parsing.fields import MaybeReal, Real, Time
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.rest.endpoints import Endpoint
from funding_platform.venues.specification import CandleSpec


class _Bar(Payload):
    """``t`` is when the bar begins; ``T``, a millisecond before it ends, is another field."""

    time_ms: Time = field(name="t")
    venue_symbol: str = field(name="s")
    open: Real = field(name="o")
    high: Real = field(name="h")
    low: Real = field(name="l")
    close: Real = field(name="c")
    volume_base: MaybeReal = field(name="v")


class _Token(Payload):
    name: str
    index: int


class _Pair(Payload):
    venue_symbol: str = field(name="name")  # PURR/USDC, or @107
    tokens: tuple[int, int]


class _SpotMeta(Payload):
    tokens: list[_Token]
    universe: list[_Pair] = field(default_factory=list)


SPOT_META: Final = Endpoint("/info", _SpotMeta, weight=20, method="POST")

MOST_BARS: Final = 5_000
"""So many are kept, 208 days of hours; of anything older the answer is an empty list."""
KEPT: Final = (MOST_BARS - 2) * HOUR
"""Without the bar that still runs, and the one that drops out meanwhile."""
BARS_PER_WEIGHT: Final = 60

WRAPPED: Final = {"UBTC": "BTC", "UETH": "ETH", "USOL": "SOL"}
"""Spot tokens that stand for a coin of another chain, one for one."""


@cache
def bars(weight: int) -> Endpoint[list[_Bar]]:
    """Return the call for bars, which weighs 20, and 1 per 60 bars."""
    return Endpoint("/info", list[_Bar], weight=weight, method="POST")


CANDLES: Final = (CandleSpec(kinds=("trade",), pager=Ascending, page_size=MOST_BARS, depth=KEPT),)
SPOT_CANDLES: Final = CandleSpec(pager=Ascending, page_size=MOST_BARS, depth=KEPT)


class HyperliquidHours(Venue):
    """What Hyperliquid hands out by the hour, and the tokens that its spot market knows."""

    async def fetch_candles(self, symbol: str, kind: str, ask: Ask) -> CandlePage:
        """Fetch one page of candleSnapshot: of trades only, and without a turnover."""
        edges: Mapping[str, str | int] = {"startTime": ask.start_ms, "endTime": ask.end_ms}
        asked: Mapping[str, str | int] = {"coin": symbol, "interval": "1h", **edges}
        endpoint = bars(20 + -(-min(ask.hours, MOST_BARS) // BARS_PER_WEIGHT))
        rows = await self.fetch(endpoint, {"type": "candleSnapshot", "req": asked})
        return CandlePage([Candle.of(row) for row in rows])

    async def fetch_spot_listings(self) -> list[SpotListing]:
        """List the pairs of spotMeta, their tokens by name."""
        meta = await self.fetch(SPOT_META, {"type": "spotMeta"})
        names = {token.index: WRAPPED.get(token.name, token.name) for token in meta.tokens}

        def without_a_token(pair: _Pair) -> str | None:
            known = names.keys() >= set(pair.tokens)
            return None if known else f"no token of {pair.venue_symbol}"

        pairs = self.sifted(meta.universe, without_a_token, SPOT_META, "$.tokens")
        return [
            SpotListing.of(pair, base=names[base], quote=names[quote], trades=True)
            for pair in pairs
            for base, quote in [pair.tokens]
        ]

    async def fetch_spot_candles(self, symbol: str, ask: Ask) -> CandlePage:
        """Fetch the same of a spot market, by its coin."""
        return await self.fetch_candles(symbol, SPOT, ask)

    async def tokens(self) -> dict[int, str]:
        """Fetch the names of the spot market's tokens by index, which is not their position."""
        meta = await self.fetch(SPOT_META, {"type": "spotMeta"})
        return {token.index: token.name for token in meta.tokens}
