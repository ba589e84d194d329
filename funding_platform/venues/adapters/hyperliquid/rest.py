"""Hyperliquid's own perpetuals and those of builders' exchanges (HIP-3).

Every builder's exchange is asked for by its name, which is part of its symbols: ``xyz:AAPL`` and
``flx:AAPL`` are two instruments. Each has a collateral of its own, a token of the spot market.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from msgspec import field

from funding_platform.core.market.asset_classes import AssetClass, class_said
from funding_platform.core.symbols import canonical_base
from funding_platform.venues.adapters.hyperliquid.books import BOOKS, DEPTHS
from funding_platform.venues.adapters.hyperliquid.hourly import (
    CANDLES,
    SPOT_CANDLES,
    HyperliquidHours,
)
from funding_platform.venues.errors import UnknownSymbolError
from funding_platform.venues.paging.ascending import Ascending
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.fields import Decimals, MaybeReal, Real, Time
from funding_platform.venues.parsing.payloads import Payload, step
from funding_platform.venues.parsing.records import Listing, MarketRow, Page, Settlement
from funding_platform.venues.rest.concurrency import together
from funding_platform.venues.rest.endpoints import Endpoint, Params, Refusal
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.specification import VenueSpec

_USDC: Final = 0
"""Index of the token that core takes as collateral."""


class _Asset(Payload):
    venue_symbol: str = field(name="name")
    sz_decimals: Decimals
    is_delisted: bool = False


class _Meta(Payload):
    universe: list[_Asset]
    collateral_token: int = 0


class _Dex(Payload):
    name: str


class Context(Payload):
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


MARKETS: Final = Endpoint(
    "/info",
    tuple[_Meta, list[Context]],
    weight=20,
    method="POST",
    paired=((0, "universe"), (1,)),
)
PERP_DEXS: Final = Endpoint("/info", list[_Dex | None], weight=20, method="POST")  # null: core
# 20, and 1 per 20 rows of a full page.
HISTORY: Final = Endpoint("/info", list[_Funding], weight=45, method="POST")


def _refusal(status: int, body: bytes) -> Refusal | None:
    """Find an unknown coin: ``null``, HTTP 500 or 200; other errors carry no code."""
    if status in (200, 500) and body.strip() == b"null":
        return Refusal(UnknownSymbolError, "no such coin")
    return None


@dataclass(frozen=True, slots=True)
class _Exchange:
    """The markets of the core exchange, whose name is empty, or of a builder's.

    ``settle`` is its collateral; None where its token is not known.
    """

    dex: str
    assets: list[_Asset]
    contexts: list[Context]
    collateral: int
    settle: str | None

    @property
    def quote(self) -> str:
        """Prices are in dollars everywhere."""
        return self.settle or "USD"

    def symbol(self, asset: _Asset) -> str:
        """Name the asset, with its exchange before a colon: no other has that name."""
        name = asset.venue_symbol
        return name if ":" in name or not self.dex else f"{self.dex}:{name}"

    def base(self, asset: _Asset) -> str:
        """Name what it is on, in the exchange's spelling."""
        return asset.venue_symbol.rpartition(":")[2]

    def asset_class(self, asset: _Asset, coins: Collection[str]) -> AssetClass:
        """Core lists coins. Builders list anything and never say what: only tickers tell.

        A ticker of theirs that core has too may be that coin or a share of its name.
        """
        if not self.dex:
            return "crypto"
        base = canonical_base(self.base(asset)).base
        if base in coins:
            return "other"
        known = class_said(None, base)
        return "equity" if known == "other" else known


class Hyperliquid(HyperliquidHours):
    """Hyperliquid's perpetuals: core's, margined in USDC, and those of builders' exchanges."""

    spec = VenueSpec(
        name="hyperliquid",
        title="Hyperliquid",
        base_url="https://api.hyperliquid.xyz",
        docs_url="https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api",
        history_start=datetime(2023, 5, 1, tzinfo=UTC),
        pager=Ascending,
        page_size=500,
        candles=CANDLES,
        spot_candles=SPOT_CANDLES,
        books=DEPTHS,
        budget=Budget("weight", 1200, 60),
        refusal=_refusal,
        statuses={"listed": "trading", "delisted": "delisted"},
    )
    book_call = BOOKS

    async def fetch_listings(self) -> list[Listing]:
        """List the universes. Prices have five significant digits, hence no fixed tick."""
        exchanges = await self._exchanges()
        coins = {
            canonical_base(asset.venue_symbol).base for of in exchanges[:1] for asset in of.assets
        }
        return [
            Listing.linear(
                asset,
                venue_symbol=exchange.symbol(asset),
                base=exchange.base(asset),
                quote=exchange.quote,
                settle=exchange.settle,
                asset_class=exchange.asset_class(asset, coins),
                status="delisted" if asset.is_delisted else "listed",
                interval_hours=1.0,
                min_size=step(asset.sz_decimals),
            )
            for exchange in exchanges
            for asset in exchange.assets
        ]

    async def fetch_markets(self) -> list[MarketRow]:
        """Pair the contexts with the universes. Impact prices are not a best bid and ask."""
        return [
            MarketRow.of(
                asset,
                context,
                venue_symbol=exchange.symbol(asset),
                quote=exchange.quote,
                interval_hours=1.0,
                next_funding_ms=self.next_hour_ms(),
            )
            for exchange in await self._exchanges()
            for asset, context in zip(exchange.assets, exchange.contexts, strict=True)
            if not asset.is_delisted
        ]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """Fetch one page of fundingHistory, whose two edges are included."""
        edges: Params = {"startTime": ask.start_ms, "endTime": ask.end_ms}
        rows = await self.fetch(HISTORY, {"type": "fundingHistory", "coin": symbol, **edges})
        return Page([Settlement(row.venue_symbol, row.time_ms, row.rate) for row in rows])

    async def _exchanges(self) -> list[_Exchange]:
        """Core, which must answer, and the builders' exchanges, of which each costs only itself."""
        core, dexs = await together(
            self._exchange(""), self.attempt(self.fetch(PERP_DEXS, {"type": "perpDexs"}), [])
        )
        names = [dex.name for dex in dexs if dex is not None]
        if not names:
            return [core]
        tokens, builders = await together(
            self.attempt(self.tokens(), {}), self.attempt_each(names, self._exchange)
        )
        return [
            core,
            *(
                replace(one, settle=tokens.get(one.collateral, one.settle))
                for one in builders.values()
            ),
        ]

    async def _exchange(self, dex: str) -> _Exchange:
        """Fetch the universe of an exchange beside its contexts."""
        asked: Params = {"type": "metaAndAssetCtxs", **({"dex": dex} if dex else {})}
        meta, contexts = await self.fetch(MARKETS, asked)
        if len(meta.universe) != len(contexts):
            raise self.broken(
                f"{len(meta.universe)} assets, but {len(contexts)} contexts", MARKETS, "$[1]"
            )
        settle = "USDC" if meta.collateral_token == _USDC else None
        return _Exchange(dex, meta.universe, contexts, meta.collateral_token, settle)
