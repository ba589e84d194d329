"""Extended on Starknet. It turns away clients that do not name themselves."""

from datetime import UTC, datetime
from typing import Final

import msgspec

from funding_platform.venues.base import Venue, VenueSpec
from funding_platform.venues.endpoints import Endpoint, Refusal
from funding_platform.venues.errors import (
    RequestError,
    ServerError,
    UnknownSymbolError,
    VenueError,
)
from funding_platform.venues.limits import Budget
from funding_platform.venues.paging import Ask, Backward
from funding_platform.venues.payloads import MaybeReal, MaybeTime, Payload, Real, Time, present
from funding_platform.venues.records import Listing, Market, Page, Settlement

SESSION: Final = "_24_5"
"""Ends the asset name of a share that trades on weekdays only: ``MU_24_5`` is MU."""


class _Stats(Payload):
    """The market as it stands; of markets that pay no funding nobody promises what is here."""

    funding_rate: MaybeReal = None
    next_funding: MaybeTime = msgspec.field(name="nextFundingRate", default=None)  # a time
    mark_price: MaybeReal = None
    index_price: MaybeReal = None
    open_interest: MaybeReal = None  # in dollars
    open_interest_base: MaybeReal = None
    daily_volume: MaybeReal = None  # in dollars
    bid_price: MaybeReal = None
    ask_price: MaybeReal = None


class _Rules(Payload):
    min_price_change: MaybeReal = None
    min_order_size: MaybeReal = None


class _Market(Payload):
    name: str
    asset_name: str
    collateral_asset_name: str
    status: str
    trading_config: _Rules
    market_stats: _Stats = msgspec.field(default_factory=_Stats)
    type: str = "PERPETUAL"  # absent until spring 2026, when spot markets came
    created_at: MaybeTime = None


class _Markets(Payload):
    data: list[_Market]


class _Funding(Payload):
    market: str = msgspec.field(name="m")
    rate: Real = msgspec.field(name="f")
    time_ms: Time = msgspec.field(name="T")  # some seconds after the hour


class _Fundings(Payload):
    data: list[_Funding]


class _Error(Payload):
    code: int
    message: str


class _Refusal(Payload):
    error: _Error


MARKETS: Final = Endpoint("/api/v1/info/markets", _Markets)
HISTORY: Final = Endpoint("/api/v1/info/{market}/funding", _Fundings)
_REFUSAL: Final = msgspec.json.Decoder(_Refusal)
_MEANINGS: Final[dict[int, type[VenueError]]] = {1001: UnknownSymbolError, 1010: ServerError}


def _refusal(status: int, body: bytes) -> Refusal | None:
    """The error object that stands in place of the data, also with HTTP 200."""
    try:
        error = _REFUSAL.decode(body).error
    except msgspec.DecodeError:
        return None
    default = ServerError if status >= 500 else RequestError
    return Refusal(_MEANINGS.get(error.code, default), f"error {error.code}: {error.message}")


class Extended(Venue):
    """Extended's perpetuals: quoted in dollars, settled in USDC, paid hourly."""

    spec = VenueSpec(
        name="extended",
        title="Extended",
        base_url="https://api.starknet.extended.exchange",
        docs_url="https://api.docs.extended.exchange",
        history_start=datetime(2025, 7, 1, tzinfo=UTC),
        pager=Backward,
        page_size=1000,
        budget=Budget("requests", 1000, 60),
        refusal=_refusal,
        statuses={
            "ACTIVE": "trading",
            "REDUCE_ONLY": "halted",
            "PRELISTED": "halted",
            "DISABLED": "halted",
            "DELISTED": "delisted",
        },
    )

    async def fetch_listings(self) -> list[Listing]:
        """All perpetuals, those that no longer or do not yet trade included."""
        return [
            Listing(
                venue_symbol=row.name,
                base=row.asset_name.removesuffix(SESSION),
                quote=row.collateral_asset_name,
                settle="USDC",
                contract_type="linear",
                status=row.status,
                contract_size=1.0,
                interval_hours=1.0,
                tick_size=row.trading_config.min_price_change,
                min_size=row.trading_config.min_order_size,
                listed_ms=row.created_at,
            )
            for row in await self._perpetuals()
        ]

    async def fetch_markets(self) -> list[Market]:
        """The statistics of the markets that trade, from the one call that holds everything."""
        rows = [row for row in await self._perpetuals() if row.status == "ACTIVE"]
        for row in rows:
            if None in (present(row.market_stats.funding_rate), row.market_stats.next_funding):
                where = "$.data[...].marketStats"
                raise self.broken(f"{row.name} trades without a funding rate", MARKETS, where)
        return [_market(row.name, row.market_stats) for row in rows]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """One page of the hourly rates that were applied, newest first; both edges are included."""
        edges = {"startTime": ask.start_ms, "endTime": ask.end_ms, "limit": ask.limit}
        answer = await self.fetch(HISTORY, {"market": symbol, **edges})
        return Page(
            [
                Settlement(row.market, row.time_ms, row.rate, interval_hours=1.0)
                for row in answer.data
            ]
        )

    async def _perpetuals(self) -> list[_Market]:
        return [row for row in (await self.fetch(MARKETS)).data if row.type == "PERPETUAL"]


def _market(name: str, stats: _Stats) -> Market:
    return Market(
        venue_symbol=name,
        predicted_rate=stats.funding_rate,
        interval_hours=1.0,
        next_funding_ms=stats.next_funding,
        mark_price=stats.mark_price,
        index_price=stats.index_price,
        open_interest_base=stats.open_interest_base,
        open_interest_usd=stats.open_interest,
        volume_24h_usd=stats.daily_volume,
        best_bid=stats.bid_price,
        best_ask=stats.ask_price,
    )
