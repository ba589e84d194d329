"""Deribit: funding accrues by the second, settles into profit and loss, and is published hourly.

What an hour paid is ``interest_1h``. ``interest_8h``, and ``funding_8h`` of the live market, are
rolling sums of eight hours: adding those up hour by hour would count each hour eight times.
"""

from datetime import UTC, datetime, timedelta
from typing import Final, Generic, Literal, TypeVar

import msgspec

from funding_platform.venues.base import Venue, VenueSpec
from funding_platform.venues.endpoints import Endpoint, Refusal
from funding_platform.venues.errors import (
    RateLimitedError,
    RequestError,
    ServerError,
    UnknownSymbolError,
    VenueError,
)
from funding_platform.venues.limits import Budget
from funding_platform.venues.paging import Ascending, Ask
from funding_platform.venues.payloads import MaybeReal, Payload, Positive, Real, Time, product
from funding_platform.venues.records import Listing, Market, Page, Settlement, dollars

T = TypeVar("T")


class _Reply(Payload, Generic[T]):
    result: T


class _Instrument(Payload, rename=None):
    instrument_name: str
    instrument_type: Literal["reversed", "linear"]
    base_currency: str
    quote_currency: str
    settlement_currency: str
    is_active: bool
    contract_size: MaybeReal
    tick_size: MaybeReal
    min_trade_amount: MaybeReal
    creation_timestamp: Time
    settlement_period: str = ""  # combinations have none


class _Summary(Payload, rename=None):
    instrument_name: str
    mark_price: Positive
    open_interest: MaybeReal  # dollars where the contract is inverse, else base
    volume_usd: MaybeReal
    bid_price: MaybeReal = None
    ask_price: MaybeReal = None
    funding_8h: Real | None = None  # perpetuals only
    estimated_delivery_price: MaybeReal = None  # of a perpetual, the index


class _Interest(Payload, rename=None):
    timestamp: Time  # the end of the hour
    interest_1h: Real
    index_price: MaybeReal = None


class _Reason(Payload):
    param: str = ""


class _Error(Payload):
    code: int
    message: str = ""
    data: _Reason | str | None = None

    @property
    def names_the_symbol(self) -> bool:
        """Whether the instrument's name is what it complains about."""
        return isinstance(self.data, _Reason) and self.data.param == "instrument_name"


class _Fault(Payload):
    error: _Error


INSTRUMENTS: Final = Endpoint("/api/v2/public/get_instruments", _Reply[list[_Instrument]])
SUMMARIES: Final = Endpoint("/api/v2/public/get_book_summary_by_currency", _Reply[list[_Summary]])
HISTORY: Final = Endpoint("/api/v2/public/get_funding_rate_history", _Reply[list[_Interest]])
_FAULT: Final = msgspec.json.Decoder(_Fault)
_MEANINGS: Final[dict[int, type[VenueError]]] = {
    10028: RateLimitedError,
    10020: UnknownSymbolError,  # invalid_or_unsupported_instrument
    13020: UnknownSymbolError,  # not_found
    11094: ServerError,  # internal_server_error
}
_INVALID_PARAMS: Final = -32602


def _refusal(status: int, body: bytes) -> Refusal | None:
    """The JSON-RPC error, whatever the HTTP status; a bad name is told by its parameter."""
    try:
        error = _FAULT.decode(body).error
    except msgspec.DecodeError:
        return None
    kind = _MEANINGS.get(error.code, ServerError if status >= 500 else RequestError)
    if error.code == _INVALID_PARAMS and error.names_the_symbol:
        kind = UnknownSymbolError
    return Refusal(kind, f"error {error.code}: {error.message}")


class Deribit(Venue):
    """Deribit's perpetuals: inverse ones margined in coins, linear ones in stablecoins."""

    spec = VenueSpec(
        name="deribit",
        title="Deribit",
        base_url="https://www.deribit.com",
        docs_url="https://docs.deribit.com",
        history_start=datetime(2019, 4, 1, tzinfo=UTC),
        pager=Ascending,
        page_size=744,
        page_span=timedelta(days=30),  # of more than 744 rows, the rest is left out silently
        budget=Budget("credits", 100, 5),  # a burst of 100, refilled by 20 a second
        refusal=_refusal,
        statuses={"active": "trading", "inactive": "halted"},
        never_stated=("next_funding_time",),
    )

    async def fetch_listings(self) -> list[Listing]:
        """The futures of all currencies that never expire."""
        params = {"currency": "any", "kind": "future", "expired": "false"}
        return [
            Listing(
                venue_symbol=row.instrument_name,
                base=row.base_currency,
                quote=row.quote_currency,
                settle=row.settlement_currency,
                contract_type="inverse" if row.instrument_type == "reversed" else "linear",
                status="active" if row.is_active else "inactive",
                contract_size=row.contract_size,
                interval_hours=1.0,
                tick_size=row.tick_size,
                min_size=row.min_trade_amount,
                listed_ms=row.creation_timestamp,
            )
            for row in (await self.fetch(INSTRUMENTS, params)).result
            if row.settlement_period == "perpetual"
        ]

    async def fetch_markets(self) -> list[Market]:
        """The summaries of every currency that a perpetual settles in, one call each."""
        listings = {row.venue_symbol: row for row in await self.listings()}
        currencies = dict.fromkeys(row.settle for row in listings.values() if row.settle)
        answers = await self.attempt_each(currencies, self._summaries, required=True)
        return [
            self._market(row, listing)
            for rows in answers.values()
            for row in rows
            if (listing := listings.get(row.instrument_name)) and listing.status == "active"
        ]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """One page of get_funding_rate_history, which leaves out its start and not its end."""
        answer = await self.fetch(
            HISTORY,
            {
                "instrument_name": symbol,
                "start_timestamp": ask.start_ms - 1,
                "end_timestamp": ask.end_ms,
            },
        )
        return Page(
            [
                Settlement(
                    symbol,
                    row.timestamp,
                    row.interest_1h,
                    index_price=row.index_price,
                    interval_hours=1.0,
                )
                for row in answer.result
            ]
        )

    async def _summaries(self, currency: str) -> list[_Summary]:
        return (await self.fetch(SUMMARIES, {"currency": currency, "kind": "future"})).result

    def _market(self, row: _Summary, listing: Listing) -> Market:
        """The rate is what the last eight hours paid: the venue's own headline figure.

        ``current_funding``, the rate of the instant, would be exactly zero most of the time.
        """
        if row.funding_8h is None:
            raise self.broken(f"{row.instrument_name} has no funding_8h", SUMMARIES, "$.result")
        held: MaybeReal = row.open_interest
        held_usd: MaybeReal = product(row.open_interest, row.mark_price)
        if listing.contract_type == "inverse":
            held, held_usd = product(row.open_interest, 1 / row.mark_price), row.open_interest
        return Market(
            venue_symbol=row.instrument_name,
            predicted_rate=row.funding_8h,
            interval_hours=8.0,
            mark_price=row.mark_price,
            index_price=row.estimated_delivery_price,
            open_interest_base=held,
            open_interest_usd=dollars(listing.quote, held_usd),
            volume_24h_usd=row.volume_usd,
            best_bid=row.bid_price,
            best_ask=row.ask_price,
        )
