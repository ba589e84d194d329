"""The accounts of the sandbox, and what each call does to one.

An account belongs to a token and has a part on every venue, each with the whole deposit. What is
said and answered is the vocabulary of ``core.trading``, as JSON: decimals are strings, instants
ISO 8601 in UTC.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from funding_platform.core.time_grid import from_ms
from funding_platform.core.trading import (
    FeeRates,
    OrderReport,
    OrderRequest,
    OrderState,
    RejectReason,
)
from funding_platform.paper import PaperEngine, PaperRules, RefusedError, UnlistedError
from funding_platform.paper.venue import Manners, PaperVenue, Trick
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.paper.market import SandboxPaperMarket
from funding_platform.sandbox.wire.contract import ParameterError, Reply

_DEPTH: Final = 50
_TOKEN_BYTES: Final = 16


class Opening(BaseModel):
    """How an account begins."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: str | None = Field(default=None, min_length=8, description="A new one without it.")
    deposit_usd: Decimal = Field(default=Decimal(100_000), description="On each venue.")
    maker_bps: Decimal = Decimal(2)
    taker_bps: Decimal = Decimal(5)
    coin_collateral: Decimal = Field(
        default=PaperRules().coin_collateral,
        ge=0,
        description="Share of its value that an inverse position gets as its own collateral.",
    )
    grace_seconds: float = Field(default=0, ge=0, description="How long new orders are not found.")
    stale_seconds: float = Field(default=0, ge=0, description="How far holdings lag behind.")


class Taking(BaseModel):
    """What a venue takes of a position without an order: liquidated, or deleveraged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: str
    venue: str
    symbol: str
    quantity: Decimal | None = Field(
        default=None, gt=0, description="Deleveraged; without it, all of it is liquidated."
    )


@dataclass(frozen=True, slots=True)
class Ask:
    """One call: the account's part on the venue, what was sent, and the present."""

    account: PaperVenue
    params: Mapping[str, Any]
    now: datetime
    declined: RejectReason | None = None
    trick: Trick | None = None

    def caught_up(self, symbols: Sequence[str] | None = None) -> PaperVenue:
        """Return the account with all that is due by now, of some symbols or of all."""
        self.account.catch_up(self.now, symbols)
        return self.account

    def text(self, name: str) -> str:
        """Read a parameter that must be there."""
        value = self.params.get(name)
        if not isinstance(value, str) or not value:
            raise ParameterError(name)
        return value

    @property
    def symbols(self) -> list[str]:
        """The symbols asked about."""
        return self.text("symbols").split(",")

    @property
    def since(self) -> datetime:
        """The instant from which on is asked."""
        try:
            since = datetime.fromisoformat(self.text("since"))
        except ValueError:
            raise ParameterError("since") from None
        if since.tzinfo is None:
            raise ParameterError("since")
        return since

    @property
    def depth(self) -> int:
        """Levels of each side."""
        try:
            return max(1, int(self.params.get("depth", _DEPTH)))
        except ValueError:
            raise ParameterError("depth") from None


@dataclass(slots=True)
class Desk:
    """All accounts on paper."""

    market: Market
    _openings: dict[str, Opening] = field(default_factory=dict)
    _accounts: dict[tuple[str, str], PaperVenue] = field(default_factory=dict)

    def open(self, opening: Opening) -> str:
        """Open an account and return its token; one that there is already stays as it is."""
        token = opening.token or secrets.token_urlsafe(_TOKEN_BYTES)
        self._openings.setdefault(token, opening)
        return token

    def take(self, taking: Taking) -> bool:
        """Take away from a position; False where there is no such account."""
        account = self.account(taking.token, taking.venue)
        if account is None:
            return False
        now = from_ms(self.market.now_ms())
        if taking.quantity is None:
            account.liquidate(taking.symbol, now)
        else:
            account.deleverage(taking.symbol, taking.quantity, now)
        return True

    def account(self, token: str, venue: str) -> PaperVenue | None:
        """Return the part of an account on a venue; None where nobody has the token."""
        opening = self._openings.get(token)
        if opening is None:
            return None
        key = (token, venue)
        if key not in self._accounts:
            fees = FeeRates(maker_bps=opening.maker_bps, taker_bps=opening.taker_bps)
            rules = PaperRules(fees=fees, coin_collateral=opening.coin_collateral)
            engine = PaperEngine(SandboxPaperMarket(self.market, venue), rules)
            engine.deposit(opening.deposit_usd)
            manners = Manners(
                grace_seconds=opening.grace_seconds, stale_seconds=opening.stale_seconds
            )
            self._accounts[key] = PaperVenue(engine, manners)
        return self._accounts[key]

    def answer(
        self,
        call: "Call",
        account: PaperVenue,
        params: Mapping[str, Any],
        declined: RejectReason | None = None,
        trick: Trick | None = None,
    ) -> Reply:
        """Do what a call asks for.

        Parameters
        ----------
        declined, trick
            What the venue does to an order: faults.
        """
        now = from_ms(self.market.now_ms())
        try:
            return Reply.json(call(Ask(account, params, now, declined, trick)))
        except ParameterError as error:
            return refused(400, "bad_parameter", f"{error.name} is missing or cannot be read")
        except UnlistedError as error:
            return refused(404, "unknown_symbol", error.message)


def refused(status: int, code: str, message: str) -> Reply:
    """Say why a call is not answered."""
    return Reply.json({"code": code, "error": message}, status=status)


def _place(ask: Ask) -> OrderReport:
    """Take an order; one that is declined is a report that says so."""
    try:
        order = msgspec.convert(ask.params, OrderRequest, strict=False)
    except msgspec.ValidationError as error:
        raise ParameterError(f"the order ({error})") from None
    if ask.declined is not None:
        return _declined(order, ask.declined, "declined by a fault", ask.now)
    try:
        return ask.account.place(order, ask.now, ask.trick)
    except RefusedError as error:
        return _declined(order, error.reason, error.message, ask.now)


def _declined(
    order: OrderRequest, reason: RejectReason, message: str, now: datetime
) -> OrderReport:
    return OrderReport(
        client_id=order.client_id,
        venue_symbol=order.venue_symbol,
        state=OrderState.REJECTED,
        side=order.side,
        quantity=order.quantity,
        reduce_only=order.reduce_only,
        reason=reason,
        message=message,
        updated_at=now,
    )


def _limits(ask: Ask) -> Mapping[str, Any]:
    found = {symbol: ask.account.engine.market.limits(symbol) for symbol in ask.symbols}
    return {symbol: limits for symbol, limits in found.items() if limits is not None}


def _book(ask: Ask) -> Mapping[str, Any]:
    book = ask.account.engine.book(ask.text("symbol"), ask.now)
    sides = {"bids": book.bids[: ask.depth], "asks": book.asks[: ask.depth]}
    return {"venue_symbol": book.venue_symbol, **sides, "seen_at": book.seen_at}


Call = Callable[[Ask], object]

ORDERS: Final = "/orders"
"""The call that faults of orders strike."""

CALLS: Final[Mapping[tuple[str, str], Call]] = {
    ("POST", ORDERS): _place,
    ("POST", "/cancel"): lambda ask: ask.account.cancel(
        ask.text("symbol"), ask.text("client_id"), ask.now
    ),
    ("GET", "/order"): lambda ask: ask.caught_up([ask.text("symbol")]).order(
        ask.text("symbol"), ask.text("client_id"), ask.now
    ),
    ("GET", "/open_orders"): lambda ask: ask.caught_up().open_orders(ask.now),
    ("GET", "/fills"): lambda ask: ask.caught_up().fills(ask.since),
    ("GET", "/holdings"): lambda ask: ask.caught_up().holdings(ask.now),
    ("GET", "/balance"): lambda ask: ask.caught_up().engine.balance(),
    ("GET", "/funding_payments"): lambda ask: ask.caught_up().engine.payments(ask.since),
    ("GET", "/limits"): _limits,
    ("GET", "/fees"): lambda ask: dict.fromkeys(
        _limits(ask), ask.account.engine.rules.known_fees()
    ),
    ("GET", "/book"): _book,
    ("GET", "/clock"): lambda ask: {"now": ask.now},
}
"""What can be called, by method and path below the venue."""
