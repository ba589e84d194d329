"""Hyperliquid's own perpetuals; those of builders' exchanges (``xyz:AAPL``) are left out."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Final

from msgspec import field

from funding_platform.core.time_grid import HOUR
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import UnknownSymbolError
from funding_platform.venues.paging.ascending import Ascending
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.candles import SPOT, Candle, CandlePage, SpotListing
from funding_platform.venues.parsing.fields import Decimals, MaybeReal, Real, Time
from funding_platform.venues.parsing.payloads import Payload, step
from funding_platform.venues.parsing.records import Listing, MarketRow, Page, Settlement
from funding_platform.venues.rest.endpoints import Endpoint, Params, Refusal
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.specification import CandleSpec, VenueSpec


class _Asset(Payload):
    venue_symbol: str = field(name="name")
    sz_decimals: Decimals
    is_delisted: bool = False


class _Meta(Payload):
    universe: list[_Asset]


class _Context(Payload):
    """The market of the asset at the same position of the universe.

    Only the rate must have a value: an asset without trades may have no price.
    """

    predicted_rate: Real = field(name="funding")
    open_interest_base: MaybeReal = field(name="openInterest")
    mark_price: MaybeReal = field(name="markPx")
    index_price: MaybeReal = field(name="oraclePx")
    volume_24h_quote: MaybeReal = field(name="dayNtlVlm")


class _Funding(Payload):
    venue_symbol: str = field(name="coin")
    time_ms: Time = field(name="time")
    rate: Real = field(name="fundingRate")


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
    universe: list[_Pair]
    tokens: list[_Token]


MARKETS: Final = Endpoint(
    "/info",
    tuple[_Meta, list[_Context]],
    weight=20,
    method="POST",
    paired=((0, "universe"), (1,)),
)
# 20, and 1 per 20 rows of a full page.
HISTORY: Final = Endpoint("/info", list[_Funding], weight=45, method="POST")
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
    """The call for bars, which weighs 20, and 1 per 60 bars."""
    return Endpoint("/info", list[_Bar], weight=weight, method="POST")


def _refusal(status: int, body: bytes) -> Refusal | None:
    """An unknown coin is answered with HTTP 500 and ``null``; other errors carry no code."""
    if status == 500 and body.strip() == b"null":
        return Refusal(UnknownSymbolError, "no such coin")
    return None


class Hyperliquid(Venue):
    """Hyperliquid's core perpetuals, all margined in USDC."""

    spec = VenueSpec(
        name="hyperliquid",
        title="Hyperliquid",
        base_url="https://api.hyperliquid.xyz",
        docs_url="https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api",
        history_start=datetime(2023, 5, 1, tzinfo=UTC),
        pager=Ascending,
        page_size=500,
        candles=(CandleSpec(kinds=("trade",), pager=Ascending, page_size=MOST_BARS, depth=KEPT),),
        spot_candles=CandleSpec(pager=Ascending, page_size=MOST_BARS, depth=KEPT),
        budget=Budget("weight", 1200, 60),
        refusal=_refusal,
        statuses={"listed": "trading", "delisted": "delisted"},
    )

    async def fetch_listings(self) -> list[Listing]:
        """The universe. Prices have five significant digits, hence no fixed tick."""
        meta, _ = await self.fetch(MARKETS, {"type": "metaAndAssetCtxs"})
        return [
            Listing.linear(
                asset,
                base=asset.venue_symbol,
                quote="USDC",
                status="delisted" if asset.is_delisted else "listed",
                interval_hours=1.0,
                min_size=step(asset.sz_decimals),
            )
            for asset in meta.universe
        ]

    async def fetch_markets(self) -> list[MarketRow]:
        """The contexts, paired with the universe. Impact prices are not a best bid and ask."""
        meta, contexts = await self.fetch(MARKETS, {"type": "metaAndAssetCtxs"})
        if len(meta.universe) != len(contexts):
            raise self.broken(
                f"{len(meta.universe)} assets, but {len(contexts)} contexts", MARKETS, "$[1]"
            )
        return [
            MarketRow.of(
                asset,
                context,
                quote="USDC",
                interval_hours=1.0,
                next_funding_ms=self.next_hour_ms(),
            )
            for asset, context in zip(meta.universe, contexts, strict=True)
            if not asset.is_delisted
        ]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """One page of fundingHistory, whose two edges are included."""
        edges: Params = {"startTime": ask.start_ms, "endTime": ask.end_ms}
        rows = await self.fetch(HISTORY, {"type": "fundingHistory", "coin": symbol, **edges})
        return Page([Settlement(row.venue_symbol, row.time_ms, row.rate) for row in rows])

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
