"""What a decision rests on, and what it comes to: plain values, with nothing behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import polars as pl

from funding_platform.execution.cycle.held import HeldPair
from funding_platform.execution.cycle.market import LatestMarket
from funding_platform.execution.pair.pairs import InstrumentRef


class Refusal(StrEnum):
    """Why nothing was opened. Each is an event, and nothing is placed."""

    HALTED = "halted"
    MARKET_UNSEEN = "market_unseen"
    STALE_OPPORTUNITIES = "stale_opportunities"
    NO_OPPORTUNITIES = "no_opportunities"
    STRATEGY_FAILED = "strategy_failed"
    NOT_A_PAIR = "not_a_pair"
    IMPOSSIBLE_SIZE = "impossible_size"
    FILTERED_OUT = "filtered_out"
    CONTRACT_NOT_TRADED = "contract_not_traded"
    MISSING_VENUE = "missing_venue"
    VENUE_UNREACHABLE = "venue_unreachable"
    CLOCK_SKEW = "clock_skew"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    ALREADY_HELD = "already_held"
    COOLING_DOWN = "cooling_down"
    PAIRS_LIMIT = "pairs_limit"
    TOTAL_LIMIT = "total_limit"
    VENUE_LIMIT = "venue_limit"
    BASE_LIMIT = "base_limit"
    CYCLE_LIMIT = "cycle_limit"


class Exit(StrEnum):
    """Why a pair is closed whatever the strategy says."""

    FLIPPED = "divergence flipped"
    ERODED = "divergence eroded"
    OLD = "maximum age"
    BETTERED = "better use of capital"
    VENUE_SILENT = "venue unhealthy"
    MARGIN_LOW = "margin low"


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueState:
    """An account on one venue, as it was asked just now.

    Parameters
    ----------
    reachable
        Whether it answered; what it did not say is None then.
    skew_seconds
        The venue's clock less ours.
    equity_usd, free_usd
        What the account is worth, and what new positions may use.
    locked_usd
        What of the equity stands behind single positions, and no others.
    maintenance_usd
        Below this equity, without what is locked, the venue liquidates.
    own_ratios
        Of positions with collateral of their own: that over what has to be kept of it, by symbol.
    marks
        What the venue values each holding at.
    trouble
        What it said instead of an answer.
    """

    reachable: bool
    skew_seconds: float | None = None
    equity_usd: float | None = None
    free_usd: float | None = None
    locked_usd: float = 0.0
    maintenance_usd: float | None = None
    own_ratios: Mapping[str, float] = field(default_factory=dict)
    marks: Mapping[str, Decimal] = field(default_factory=dict)
    trouble: str = ""

    @property
    def margin_ratio(self) -> float | None:
        """Equity over what has to be kept; None where either is unknown or nothing has to be.

        Of the whole account, without the positions that have collateral of their own.
        """
        if self.equity_usd is None or not self.maintenance_usd:
            return None
        return (self.equity_usd - self.locked_usd) / self.maintenance_usd

    @property
    def lowest_ratio(self) -> float | None:
        """The lowest of that and of all positions with collateral of their own."""
        whole = self.margin_ratio
        return min([*self.own_ratios.values(), *([] if whole is None else [whole])], default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything that a cycle decides on.

    Parameters
    ----------
    market
        Has a row for every leg that is held.
    opportunities
        Those that pass the filter, columns of ``marts.opportunities``.
    opportunities_at
        When the newest of all opportunities was observed; None where there are none.
    held
        What is open or on its way, in the order in which it was decided on.
    venues
        The accounts that can be traded on, by venue.
    resting
        Until when nothing is opened on a base.
    halted
        Why no new risk is taken; None where it may be.
    untraded
        Legs of the opportunities that are of a kind which is not traded: their contract type.
    """

    market: LatestMarket
    opportunities: pl.DataFrame
    opportunities_at: datetime | None
    held: Sequence[HeldPair]
    venues: Mapping[str, VenueState]
    resting: Mapping[str, datetime] = field(default_factory=dict)
    halted: str | None = None
    untraded: Mapping[InstrumentRef, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToClose:
    """A pair that is to be closed, and why."""

    pair: HeldPair
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToOpen:
    """A pair that is to be opened.

    Parameters
    ----------
    size_usd
        Notional of each leg.
    memo
        What the strategy wrote on the order.
    divergence_8h
        The predicted divergence now; None where a leg's is not known.
    """

    base: str
    long: InstrumentRef
    short: InstrumentRef
    size_usd: float
    memo: float
    divergence_8h: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Something that was not opened, and why, in words that a person can act on."""

    reason: Refusal
    words: str
    base: str | None = None
    long: InstrumentRef | None = None
    short: InstrumentRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What a cycle has decided: closes come first, for what they free may be used."""

    closes: Sequence[ToClose] = ()
    opens: Sequence[ToOpen] = ()
    refused: Sequence[Refused] = ()
