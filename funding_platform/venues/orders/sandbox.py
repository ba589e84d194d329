"""The exchange client of the sandbox's accounts on paper: over a real socket, as to a real venue.

The endpoint speaks canonical units, so nothing is converted. What a real client has to do besides
is here: one try for what changes something, the difference between a refusal and an answer that
never came, and the questions of the contract.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Self, TypeVar

import httpx
import msgspec

from funding_platform.core.trading import (
    Balance,
    FeeRates,
    Fill,
    FundingPayment,
    Holding,
    InstrumentLimits,
    OrderBook,
    OrderReport,
    OrderRequest,
    OrderState,
    RejectReason,
)
from funding_platform.venues.errors import (
    BannedError,
    BreakerOpenError,
    RateLimitedError,
    RequestError,
    UnknownSymbolError,
    VenueError,
)
from funding_platform.venues.orders.errors import (
    OrderNotFoundError,
    OrderRejectedError,
    OutcomeUnknownError,
)
from funding_platform.venues.rest.breaker import Breaker
from funding_platform.venues.rest.endpoints import Endpoint, ErrorCodes, Params
from funding_platform.venues.rest.http import HttpClient
from funding_platform.venues.rest.limits import Budget, Limiter

T = TypeVar("T")


class Present(msgspec.Struct):
    """The venue's clock."""

    now: datetime


_BUDGET: Final = Budget("paper", 10_000, 10)
_REFUSAL: Final = ErrorCodes("code", "error", meanings={"unknown_symbol": UnknownSymbolError})

_PLACE = Endpoint("/orders", OrderReport, method="POST", repeatable=False)
_CANCEL = Endpoint[OrderReport | None](
    "/cancel", OrderReport | None, method="POST", repeatable=False
)
_ORDER = Endpoint[OrderReport | None]("/order", OrderReport | None)
_OPEN_ORDERS = Endpoint("/open_orders", list[OrderReport])
_FILLS = Endpoint("/fills", list[Fill])
_HOLDINGS = Endpoint("/holdings", dict[str, Holding])
_BALANCE = Endpoint("/balance", Balance)
_PAYMENTS = Endpoint("/funding_payments", list[FundingPayment])
_LIMITS = Endpoint("/limits", dict[str, InstrumentLimits])
_FEES = Endpoint("/fees", dict[str, FeeRates])
_BOOK = Endpoint("/book", OrderBook)
_CLOCK = Endpoint("/clock", Present)

_NOT_TAKEN: Final = (RateLimitedError, BannedError, BreakerOpenError, RequestError)
"""Errors that say that a request was not taken; after all others nobody knows."""


class SandboxOrders:
    """One account of the sandbox on one venue, as an ``ExchangeClient``.

    Parameters
    ----------
    venue
        Name of the venue.
    url
        Base URL of its accounts: ``<sandbox>/paper/<venue>``.
    token
        Of the account.
    timeout_seconds
        For a whole exchange. An order whose answer takes longer is unknown.
    retry_seconds
        Wait before a question is asked for the second time; it doubles from try to try.
    transport
        In place of the network.
    """

    def __init__(
        self,
        venue: str,
        url: str,
        token: str,
        *,
        timeout_seconds: float = 10.0,
        retry_seconds: float = 0.5,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._venue = venue
        self._http = HttpClient(
            venue,
            url,
            budget=_BUDGET,
            refusal=_REFUSAL,
            used_weight_header=None,
            timeout_seconds=timeout_seconds,
            limiter=Limiter(),
            # A venue that is left alone for a while could not be asked what became of an order.
            breaker=Breaker(venue, open_after=math.inf),
            headers={"Authorization": f"Bearer {token}"},
            retry_seconds=retry_seconds,
            transport=transport,
        )

    @property
    def venue(self) -> str:
        """Name of the venue."""
        return self._venue

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def prepare(self) -> None:
        """Ask for the balance: the account is there, in one-way mode, and has no other."""
        await self._http.fetch(_BALANCE)

    async def server_time(self) -> datetime:
        """Return the venue's clock."""
        return (await self._http.fetch(_CLOCK)).now

    async def limits(self, symbols: Sequence[str]) -> Mapping[str, InstrumentLimits]:
        """Return what orders must be; a symbol that the venue does not list is left out."""
        return await self._of_symbols(_LIMITS, symbols)

    async def fees(self, symbols: Sequence[str]) -> Mapping[str, FeeRates]:
        """Return what fills cost on this account."""
        return await self._of_symbols(_FEES, symbols)

    async def order_book(self, symbol: str, depth: int) -> OrderBook:
        """Return the best ``depth`` levels of both sides."""
        return await self._http.fetch(_BOOK, {"symbol": symbol, "depth": depth})

    async def place(self, order: OrderRequest) -> OrderReport:
        """Send an order, once."""
        try:
            report = await self._once(_PLACE, _sent(order), order.client_id)
        except OutcomeUnknownError as error:
            cause = error.__cause__
            if not isinstance(cause, _NOT_TAKEN):
                raise
            limited = isinstance(cause, RateLimitedError)
            reason = RejectReason.RATE_LIMITED if limited else RejectReason.OTHER
            raise self._rejected(order, self._words(cause), reason) from error
        if report.state is OrderState.REJECTED:
            raise self._rejected(order, report.message, report.reason or RejectReason.OTHER)
        return report

    async def cancel(self, symbol: str, client_id: str) -> OrderReport:
        """Take an order back, once; return what is known of it afterwards."""
        params: Params = {"symbol": symbol, "client_id": client_id}
        report = await self._once(_CANCEL, params, client_id)
        if report is None:
            raise OrderNotFoundError(
                f"no order {client_id} of {symbol}", venue=self._venue, client_id=client_id
            )
        return report

    async def order(self, symbol: str, client_id: str) -> OrderReport | None:
        """Ask what became of an order; None where the venue does not know it, or not yet."""
        return await self._http.fetch(_ORDER, {"symbol": symbol, "client_id": client_id})

    async def open_orders(self) -> Sequence[OrderReport]:
        """Return every order that can still fill."""
        return await self._http.fetch(_OPEN_ORDERS)

    async def fills(self, since: datetime) -> Sequence[Fill]:
        """Return every fill since an instant, in order; some come twice."""
        return await self._http.fetch(_FILLS, {"since": since.isoformat()})

    async def holdings(self) -> Mapping[str, Holding]:
        """Return what is held by symbol."""
        return await self._http.fetch(_HOLDINGS)

    async def balance(self) -> Balance:
        """Return what the account is worth."""
        return await self._http.fetch(_BALANCE)

    async def funding_payments(self, since: datetime) -> Sequence[FundingPayment]:
        """Return the funding received and paid since an instant, in order."""
        return await self._http.fetch(_PAYMENTS, {"since": since.isoformat()})

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _of_symbols(
        self, endpoint: Endpoint[dict[str, T]], symbols: Sequence[str]
    ) -> Mapping[str, T]:
        if not symbols:
            return {}
        return await self._http.fetch(endpoint, {"symbols": ",".join(symbols)})

    async def _once(self, endpoint: Endpoint[T], params: Params, client_id: str) -> T:
        """Send what changes something.

        Raises
        ------
        OutcomeUnknownError
            If there is no good answer to it; its cause tells more.
        """
        where = {"venue": self._venue, "client_id": client_id}
        try:
            report = await self._http.fetch(endpoint, params)
        except VenueError as error:
            raise OutcomeUnknownError(self._words(error), **where) from error
        if isinstance(report, OrderReport) and report.client_id != client_id:
            raise OutcomeUnknownError(f"the answer is of {report.client_id}", **where)
        return report

    def _words(self, error: VenueError) -> str:
        """Return what an error says, without the name of the venue, which the next one has too."""
        return error.message.removeprefix(f"{self._venue} ")

    def _rejected(
        self, order: OrderRequest, message: str, reason: RejectReason
    ) -> OrderRejectedError:
        return OrderRejectedError(
            message, venue=self._venue, client_id=order.client_id, reason=reason
        )


def _sent(order: OrderRequest) -> Params:
    """Write an order as the endpoint takes it."""
    sent = msgspec.to_builtins(order)
    return {name: value for name, value in sent.items() if value is not None}
