"""What an exchange client must do: the layer that knows *where*, and nothing of why.

Three promises hold for every client, paper or real:

- A call that may have changed something either returns what the venue said, raises
  ``OrderRejectedError`` (the venue said no: nothing exists), or ``OutcomeUnknownError`` (nobody
  said anything: a time-out, a cut connection, HTTP 503). It is never sent again by the client: the
  same id, sent twice, opens a second position on most venues once the first order is closed.
- What only asks may be repeated, and raises the errors of ``venues.errors``.
- Units are canonical (``core.trading``); a client converts into the venue's contracts, and what it
  sends is worth what was asked, or it is refused before it is sent.

A venue is right about what it holds. The client keeps no state that the venue could be asked for.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

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
)


@runtime_checkable
class ExchangeClient(Protocol):
    """One account on one venue."""

    @property
    def venue(self) -> str:
        """Name of the venue."""

    async def prepare(self) -> None:
        """Set what trading relies on (one-way mode, margin mode) and read it back.

        Raises
        ------
        ContractError
            If the account is not as it has to be, and cannot be made so.
        """

    async def server_time(self) -> datetime:
        """Return the venue's clock."""

    async def limits(self, symbols: Sequence[str]) -> Mapping[str, InstrumentLimits]:
        """Return what orders must be; a symbol that the venue does not list is left out."""

    async def fees(self, symbols: Sequence[str]) -> Mapping[str, FeeRates]:
        """Return what fills cost on this account."""

    async def order_book(self, symbol: str, depth: int) -> OrderBook:
        """Return at least the best ``depth`` levels of both sides, where so many stand.

        Raises
        ------
        UnknownSymbolError
            If the venue does not list it.
        """

    async def place(self, order: OrderRequest) -> OrderReport:
        """Send an order, once.

        Returns
        -------
        OrderReport
            What the venue answered: it may be open, filled in part or whole, or canceled already.

        Raises
        ------
        OrderRejectedError
            The venue declines it.
        OutcomeUnknownError
            The answer was lost.
        """

    async def cancel(self, symbol: str, client_id: str) -> OrderReport:
        """Take an order back, once; return what is known of it afterwards.

        An order that is final already is returned as it is: that is no error.

        Raises
        ------
        OrderNotFoundError
            The venue does not know it now; within the first seconds that proves nothing.
        OutcomeUnknownError
            The answer was lost.
        """

    async def order(self, symbol: str, client_id: str) -> OrderReport | None:
        """Ask what became of an order.

        None means that the venue does not know it *now*: within the first seconds that proves
        nothing, because some venues answer before they have booked it.
        """

    async def open_orders(self) -> Sequence[OrderReport]:
        """Return every order of the account that can still fill, ours or not."""

    async def fills(self, since: datetime) -> Sequence[Fill]:
        """Return every fill since an instant, in order; what comes twice has one ``fill_id``."""

    async def holdings(self) -> Mapping[str, Holding]:
        """Return what is held by symbol; a symbol that is flat is left out."""

    async def balance(self) -> Balance:
        """Return what the account is worth."""

    async def funding_payments(self, since: datetime) -> Sequence[FundingPayment]:
        """Return the funding received and paid since an instant, in order."""

    async def aclose(self) -> None:
        """Let go of connections. Orders stay as they are."""
