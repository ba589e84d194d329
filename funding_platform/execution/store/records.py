"""Rows of the store, as what reads them gets them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from funding_platform.core.symbols import ContractType
from funding_platform.core.trading import (
    ZERO,
    Fill,
    OrderKind,
    OrderReport,
    OrderRequest,
    OrderState,
    RejectReason,
    Side,
    TimeInForce,
    payoffs,
)
from funding_platform.execution.pair.pairs import InstrumentRef, LegName, OrderRole, PairState


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRecord:
    """A pair as one position.

    Parameters
    ----------
    size_usd, quantity
        What was planned for each leg, in US dollars and in canonical base.
    lot
        The smallest base that both venues can trade: legs that differ by less are equal.
    opened_at, closed_at
        When both legs stood, and when neither did any more.
    close_reason
        Why it is being closed, or was; why an opening came to nothing.
    naked_seconds
        How long one leg had more than the other, of all steps together.
    """

    pair_id: str
    state: PairState
    base: str
    strategy: str
    memo: Decimal
    facts: Mapping[str, Any]
    size_usd: Decimal
    quantity: Decimal
    lot: Decimal
    decided_at: datetime
    opened_at: datetime | None
    closed_at: datetime | None
    close_reason: str | None
    naked_seconds: Decimal
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRecord:
    """One leg of a pair.

    Parameters
    ----------
    mid_price
        Of the book when it was decided, which slippage is measured from.
    mark_price
        The last price that is known of it.
    taker_bps
        What a fill costs here, for fills of which the venue has only told the total.
    active
        Whether the pair may still hold something here, and nobody else may.
    contract_type
        Whether its quantities are base, or US dollars.
    """

    pair_id: str
    leg: LegName
    venue: str
    venue_symbol: str
    mid_price: Decimal
    mark_price: Decimal
    taker_bps: Decimal
    active: bool
    contract_type: ContractType = "linear"

    @property
    def inverse(self) -> bool:
        """Whether its quantities are US dollars."""
        return self.contract_type == "inverse"

    @property
    def per_base(self) -> Decimal:
        """Its size for one of base, at the mid that was decided on."""
        return payoffs.size_of_base(self.inverse, Decimal(1), self.mid_price)

    @property
    def instrument(self) -> InstrumentRef:
        """What it trades."""
        return InstrumentRef(self.venue, self.venue_symbol)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    """An order, from before it was sent: its state is unknown until the venue has said one."""

    client_id: str
    pair_id: str
    leg: LegName
    role: OrderRole
    venue: str
    venue_symbol: str
    side: Side
    quantity: Decimal
    kind: OrderKind
    limit_price: Decimal | None
    time_in_force: TimeInForce
    reduce_only: bool
    state: OrderState = OrderState.UNKNOWN
    filled: Decimal = ZERO
    average_price: Decimal | None = None
    venue_order_id: str | None = None
    reason: RejectReason | None = None
    message: str = ""
    created_at: datetime
    updated_at: datetime

    def request(self) -> OrderRequest:
        """Return what is sent: the same each time it is asked for."""
        return OrderRequest(
            client_id=self.client_id,
            venue_symbol=self.venue_symbol,
            side=self.side,
            quantity=self.quantity,
            kind=self.kind,
            limit_price=self.limit_price,
            time_in_force=self.time_in_force,
            reduce_only=self.reduce_only,
        )

    def report(self) -> OrderReport:
        """Return what was last known of it."""
        return OrderReport(
            client_id=self.client_id,
            venue_symbol=self.venue_symbol,
            state=self.state,
            side=self.side,
            quantity=self.quantity,
            filled=self.filled,
            average_price=self.average_price,
            venue_order_id=self.venue_order_id,
            reduce_only=self.reduce_only,
            reason=self.reason,
            message=self.message,
            updated_at=self.updated_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRecord:
    """A fill, and whose it is; of no pair where nobody could say."""

    venue: str
    fill_id: str
    pair_id: str | None
    leg: LegName | None
    client_id: str | None
    venue_symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee_usd: Decimal
    maker: bool
    liquidation: bool
    synthetic: bool
    filled_at: datetime

    @classmethod
    def told(
        cls, venue: str, fill: Fill, *, pair_id: str | None = None, leg: LegName | None = None
    ) -> "FillRecord":
        """Make it of what a venue tells."""
        return cls(
            venue=venue,
            fill_id=fill.fill_id,
            pair_id=pair_id,
            leg=leg,
            client_id=fill.client_id,
            venue_symbol=fill.venue_symbol,
            side=fill.side,
            quantity=fill.quantity,
            price=fill.price,
            fee_usd=fill.fee_usd,
            maker=fill.maker,
            liquidation=fill.liquidation,
            synthetic=False,
            filled_at=fill.filled_at,
        )

    @property
    def signed(self) -> Decimal:
        """What it does to the position."""
        return self.side.sign * self.quantity

    def fill(self) -> Fill:
        """Return it as a venue tells it."""
        return Fill(
            fill_id=self.fill_id,
            client_id=self.client_id,
            venue_symbol=self.venue_symbol,
            side=self.side,
            quantity=self.quantity,
            price=self.price,
            fee_usd=self.fee_usd,
            filled_at=self.filled_at,
            maker=self.maker,
            liquidation=self.liquidation,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRecord:
    """Funding that was received, negative when paid, and the leg that earned it."""

    venue: str
    payment_id: str
    pair_id: str | None
    leg: LegName | None
    venue_symbol: str
    quantity: Decimal
    rate: Decimal
    amount_usd: Decimal
    paid_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """Something that happened, who brought it about, and why."""

    event_id: int
    happened_at: datetime
    kind: str
    actor: str
    pair_id: str | None
    reason: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRecord:
    """What somebody asked for: ``asked``, then ``done`` or ``refused`` with an outcome in words."""

    command_id: int
    asked_at: datetime
    actor: str
    name: str
    arguments: Mapping[str, Any]
    state: str
    outcome: str
    done_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRecord:
    """What a screen shows, as it was."""

    snapshot_id: int
    taken_at: datetime
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltRecord:
    """Whether new risk is halted, since when, by whom and why."""

    halted: bool
    reason: str = ""
    actor: str = ""
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event to be written with a step."""

    kind: str
    reason: str
    actor: str = "executor"
    pair_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
