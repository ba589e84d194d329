"""Aster, whose API is a copy of Binance's: here is what differs."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from funding_platform.core.market.asset_classes import AssetClass, class_said
from funding_platform.venues.adapters.binance.books import book_call
from funding_platform.venues.adapters.binance.rest import FUNDING_INFO, HISTORY, Futures, Symbol
from funding_platform.venues.parsing.records import Listing, MarketRow

_TAGS: Final = ("STOCK", "ETF", "COMMODITIES")
_TRADFI: Final = 1
"""``symbolType`` of shares, funds and commodities; their contract type is that of coins."""


class Aster(Futures):
    """Aster's perpetuals; settled rates come without mark prices.

    Every call counts against the one budget, those of funding too. Where Aster's weights differ
    from Binance's they are lower, and its header corrects nothing downwards: we ask a little less
    than we might.
    """

    spec = replace(
        Futures.spec,
        name="aster",
        title="Aster",
        base_url="https://fapi.asterdex.com",
        docs_url="https://github.com/asterdex/api-docs",
        history_start=datetime(2023, 1, 1, tzinfo=UTC),
    )
    book_call = book_call("/fapi/v3/depth")
    funding_info = replace(FUNDING_INFO, budget=None)
    history = replace(HISTORY, budget=None)

    async def fetch_markets(self) -> list[MarketRow]:
        """Fetch as on Binance, but only what exchangeInfo lists, which therefore must answer."""
        await self.listings()
        return await super().fetch_markets()

    def asset_class(self, row: Symbol) -> AssetClass:
        """By a tag, STOCK, ETF or Commodities, or symbolType: underlyingType is always COIN."""
        tag = next((tag for tag in row.underlying_sub_type if tag.upper() in _TAGS), None)
        if tag is None and row.symbol_type != _TRADFI:
            return "crypto"
        return class_said(tag, row.base)

    @classmethod
    def trades(cls, listing: Listing | None) -> bool:
        """Tell whether it is listed: premiumIndex goes on naming what is not, at a rate of zero."""
        return listing is not None and super().trades(listing)
