"""Paradex: funding accrues by the second, so there is no settlement; we cut the accrual into some.

The venue publishes a cumulative index I, the USDC that one unit of the base has paid since launch,
and beside it the rate r and the premium p = r * S that the index grows by, both for one funding
period T of the market; S is the spot price in USDC. A settlement at t, every multiple of T, is what
the period that ends there paid, as a fraction of its price there:

    rate(t) = (I(t) - I(t - T)) / S(t),    S = p / r

so that rate times price is the very amount. The index is sampled every few seconds; from the last
sample before t, at s, it runs on as the venue itself advances it:

    I(t) = I(s) + p(s) * (t - s) / T

Where no sample lies within ``REACH`` before t, the index there is unknown and no rate is made up.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, Generic, TypeVar

from funding_platform.core.time_grid import HOUR, MILLISECOND, to_ms
from funding_platform.venues.base import Venue, VenueSpec
from funding_platform.venues.concurrency import task_group
from funding_platform.venues.endpoints import Endpoint, ErrorCodes, Params
from funding_platform.venues.errors import RateLimitedError, UnknownSymbolError
from funding_platform.venues.limits import Budget
from funding_platform.venues.paging import Ascending, Ask
from funding_platform.venues.payloads import (
    MaybeReal,
    MaybeTime,
    Payload,
    Real,
    Time,
    Whole,
    present,
    product,
)
from funding_platform.venues.records import Listing, Market, Page, Settlement, dollars

T = TypeVar("T")
HOUR_MS: Final = HOUR // MILLISECOND
REACH_MS: Final = 30_000
"""Over a longer gap the venue itself accrues nothing."""
USUAL_HOURS: Final = 8
"""The funding period of samples from before it was published, and of markets no longer listed."""


class _Results(Payload, Generic[T]):
    results: list[T]


class _Market(Payload, rename=None):
    symbol: str
    asset_kind: str
    base_currency: str
    quote_currency: str
    settlement_currency: str
    funding_period_hours: Whole = 0
    price_tick_size: MaybeReal = None
    order_size_increment: MaybeReal = None
    open_at: MaybeTime = None


class _Summary(Payload, rename=None):
    symbol: str
    funding_rate: MaybeReal  # of the whole period; empty for options
    mark_price: MaybeReal
    underlying_price: MaybeReal
    open_interest: MaybeReal  # in base
    volume_24h: MaybeReal
    bid: MaybeReal
    ask: MaybeReal


class _Sample(Payload, rename=None):
    market: str
    funding_index: Real
    funding_premium: Real
    funding_rate: Real
    created_at: Time
    funding_period_hours: Whole = 0

    def index_at(self, time_ms: int) -> float:
        """The index some seconds after the sample."""
        period_ms = (self.funding_period_hours or USUAL_HOURS) * HOUR_MS
        return self.funding_index + self.funding_premium * (time_ms - self.created_at) / period_ms

    @property
    def spot(self) -> float | None:
        """The price that turns the rate into the premium; a rate of zero does not tell it."""
        return self.funding_premium / self.funding_rate if self.funding_rate else None


MARKETS: Final = Endpoint("/v1/markets", _Results[_Market])
SUMMARIES: Final = Endpoint("/v1/markets/summary", _Results[_Summary])
SAMPLES: Final = Endpoint("/v1/funding/data", _Results[_Sample])


class Paradex(Venue):
    """Paradex's perpetuals: quoted in USD, settled in USDC."""

    spec = VenueSpec(
        name="paradex",
        title="Paradex",
        base_url="https://api.prod.paradex.trade",
        docs_url="https://docs.paradex.trade",
        history_start=datetime(2023, 10, 1, tzinfo=UTC),
        pager=Ascending,
        page_size=960,
        page_span=timedelta(days=40),  # a month with its context; each settlement is a request
        budget=Budget("requests", 1500, 60),
        refusal=ErrorCodes(
            "error",
            "message",
            meanings={
                "NOT_FOUND": UnknownSymbolError,
                "RATE_LIMIT_EXCEEDED": RateLimitedError,
            },
        ),
        statuses={"listed": "trading"},
        never_stated=("next_funding_time",),
    )

    async def fetch_listings(self) -> list[Listing]:
        """The perpetuals among the markets; all that are listed trade."""
        return [
            Listing(
                venue_symbol=row.symbol,
                base=row.base_currency,
                quote=row.quote_currency,
                settle=row.settlement_currency,
                contract_type="linear",
                status="listed",
                contract_size=1.0,
                interval_hours=row.funding_period_hours or None,
                tick_size=row.price_tick_size,
                min_size=row.order_size_increment,
                listed_ms=row.open_at or None,
            )
            for row in (await self.fetch(MARKETS)).results
            if row.asset_kind == "PERP"
        ]

    async def fetch_markets(self) -> list[Market]:
        """The summaries of all perpetuals; each rate is of its market's whole funding period."""
        async with task_group() as group:
            summaries = group.create_task(self.fetch(SUMMARIES, {"market": "ALL"}))
            listed = group.create_task(self.attempt(self.listings(), []))
        hours = {row.venue_symbol: row.interval_hours for row in listed.result()}
        return [
            Market(
                venue_symbol=row.symbol,
                predicted_rate=row.funding_rate,
                interval_hours=hours.get(row.symbol),
                mark_price=row.mark_price,
                index_price=row.underlying_price,
                open_interest_base=row.open_interest,
                open_interest_usd=dollars("USD", product(row.open_interest, row.mark_price)),
                volume_24h_usd=row.volume_24h,
                best_bid=row.bid,
                best_ask=row.ask,
            )
            for row in summaries.result().results
            if row.symbol.endswith("-PERP")
        ]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """The periods that end within the ask, one request for each."""
        listing = {row.venue_symbol: row for row in await self.listings()}.get(symbol)
        opened_ms = (listing and present(listing.listed_ms)) or 0
        hours = (listing and present(listing.interval_hours)) or USUAL_HOURS
        period_ms = int(hours * HOUR_MS)
        first = -(-max(ask.start_ms, opened_ms + 1) // period_ms)
        last = min(ask.end_ms, to_ms(self.now())) // period_ms
        if first > last:
            return Page([])
        samples = {
            time_ms: await self._sample(symbol, time_ms)
            for time_ms in range((first - 1) * period_ms, (last + 1) * period_ms, period_ms)
        }
        rates = {end: self._rate(start, end, samples) for start, end in pairwise(samples)}
        return Page(
            [
                Settlement(symbol, time_ms, rate, interval_hours=hours)
                for time_ms, rate in rates.items()
                if rate is not None
            ],
            passed_over_ms=[time_ms for time_ms, rate in rates.items() if rate is None],
        )

    async def _sample(self, symbol: str, time_ms: int) -> _Sample | None:
        """The last sample up to a moment, if there is one within reach of it."""
        reach = range(time_ms - REACH_MS, time_ms + 1)
        params: Params = {
            "market": symbol,
            "start_at": reach[0],
            "end_at": reach[-1],
            "page_size": 100,
        }
        rows = (await self.fetch(SAMPLES, params)).results
        for row in rows:
            if row.market != symbol or row.created_at not in reach:
                raise self.broken(
                    f"asked for {symbol} from {reach[0]} to {reach[-1]}, "
                    f"got {row.market} at {row.created_at}",
                    SAMPLES,
                    "$.results",
                )
        return max(rows, key=lambda row: row.created_at, default=None)

    def _rate(self, start: int, end: int, samples: Mapping[int, _Sample | None]) -> float | None:
        """What the period paid, as a fraction; None where the samples do not tell."""
        opening, closing = samples[start], samples[end]
        if opening is None or closing is None:
            return None
        paid = closing.index_at(end) - opening.index_at(start)
        spot = closing.spot or opening.spot
        if not spot:
            return None if paid else 0.0
        if spot < 0:
            raise self.broken(f"premium and rate of {closing.market} differ in sign", SAMPLES)
        return paid / spot
