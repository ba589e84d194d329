"""Lighter, whose one quantity comes in three units: see ``_FundingRate`` and ``_Funding``."""

from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from funding_platform.core.time_grid import HOUR, floor_hour, to_ms
from funding_platform.venues.base import Venue, VenueSpec
from funding_platform.venues.concurrency import task_group
from funding_platform.venues.endpoints import Endpoint, ErrorCodes
from funding_platform.venues.errors import RateLimitedError
from funding_platform.venues.limits import Budget
from funding_platform.venues.paging import Ask, Backward
from funding_platform.venues.payloads import (
    Decimals,
    MaybeReal,
    Payload,
    Real,
    Time,
    UnsignedPercent,
    fraction,
    product,
    step,
)
from funding_platform.venues.records import Listing, Market, Page, Settlement


class _Detail(Payload, rename=None):
    symbol: str
    market_id: int
    market_type: str
    status: str
    price_decimals: Decimals | None = None
    min_base_amount: MaybeReal = None
    mark_price: MaybeReal = None  # the two prices came between May and September 2026
    index_price: MaybeReal = None
    open_interest: MaybeReal = None  # in base units, where the web socket counts dollars
    daily_quote_token_volume: MaybeReal = None


class _Details(Payload, rename=None):
    order_book_details: list[_Detail]


class _FundingRate(Payload, rename=None):
    """A fraction per eight hours, signed; each hour pays one eighth of it."""

    market_id: int
    exchange: str
    symbol: str
    rate: Real


class _FundingRates(Payload, rename=None):
    funding_rates: list[_FundingRate]


class _Funding(Payload, rename=None):
    """A percentage per hour without a sign; ``direction`` names the side that paid."""

    timestamp: Time  # seconds
    rate: UnsignedPercent
    direction: Literal["long", "short"]

    @property
    def signed_rate(self) -> float:
        """As a fraction, positive where longs paid."""
        rate = fraction(self.rate)
        return rate if self.direction == "long" else 0.0 - rate  # not -0.0


class _Fundings(Payload, rename=None):
    fundings: list[_Funding]


_NOT_KNOWN: Final = _Detail(symbol="", market_id=-1, market_type="perp", status="active")
"""Stands for the details of a market where those could not be had."""

DETAILS: Final = Endpoint("/api/v1/orderBookDetails", _Details)
FUNDING_RATES: Final = Endpoint("/api/v1/funding-rates", _FundingRates)
HISTORY: Final = Endpoint("/api/v1/fundings", _Fundings)


class Lighter(Venue):
    """Lighter's perpetuals, all margined in USDC and paid hourly."""

    spec = VenueSpec(
        name="lighter",
        title="Lighter",
        base_url="https://mainnet.zklighter.elliot.ai",
        docs_url="https://apidocs.lighter.xyz",
        history_start=datetime(2025, 1, 1, tzinfo=UTC),
        pager=Backward,
        page_size=750,
        page_span=timedelta(days=31),  # of more than 750 rows, the oldest are left out silently
        budget=Budget("requests", 60, 60),
        refusal=ErrorCodes("code", "message", success=200, meanings={23000: RateLimitedError}),
        statuses={"active": "trading", "frozen": "halted", "inactive": "delisted"},
    )

    async def fetch_listings(self) -> list[Listing]:
        """The perpetuals of orderBookDetails."""
        return [
            Listing(
                venue_symbol=row.symbol,
                venue_id=str(row.market_id),
                base=row.symbol,
                quote="USDC",
                settle="USDC",
                contract_type="linear",
                status=row.status,
                contract_size=1.0,
                interval_hours=1.0,
                tick_size=None if row.price_decimals is None else step(row.price_decimals),
                min_size=row.min_base_amount,
            )
            for row in await self._details()
        ]

    async def fetch_markets(self) -> list[Market]:
        """The venue's own funding-rates; it relays those of other exchanges beside them."""
        async with task_group() as group:
            rates = group.create_task(self.fetch(FUNDING_RATES))
            details = group.create_task(self.attempt(self._details(), []))
        known = {row.market_id: row for row in details.result()}
        next_hour = to_ms(floor_hour(self.now()) + HOUR)
        return [
            Market(
                venue_symbol=row.symbol,
                predicted_rate=row.rate / 8,
                interval_hours=1.0,
                next_funding_ms=next_hour,
                mark_price=detail.mark_price,
                index_price=detail.index_price,
                open_interest_base=detail.open_interest,
                open_interest_usd=product(detail.open_interest, detail.mark_price),
                volume_24h_usd=detail.daily_quote_token_volume,
            )
            for row in rates.result().funding_rates
            if row.exchange == "lighter"
            and (detail := known.get(row.market_id, _NOT_KNOWN)).status == "active"
        ]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """One page of fundings, of which the newest are kept where there are too many."""
        answer = await self.fetch(
            HISTORY,
            {
                "market_id": await self.venue_id(symbol),
                "resolution": "1h",
                "start_timestamp": -(-ask.start_ms // 1000),
                "end_timestamp": ask.end_ms // 1000,
                "count_back": 0,
            },
        )
        return Page(
            [
                Settlement(symbol, row.timestamp * 1000, row.signed_rate, interval_hours=1.0)
                for row in answer.fundings
            ]
        )

    async def _details(self) -> list[_Detail]:
        rows = (await self.fetch(DETAILS)).order_book_details
        return [row for row in rows if row.market_type == "perp"]
