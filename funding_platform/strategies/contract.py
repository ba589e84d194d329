"""What a strategy is, what it sees, and what it may order.

A strategy is asked once per decision time. It sees a ``MarketView`` and its ``Book``, only what was
known then, and gives orders; it keeps no state that the book could keep for it: the same market and
book, the same orders. Whoever asks it (a backtest, paper, live) implements the two protocols, so
that one strategy object runs in all of them. Nothing here knows who that is.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, Protocol, runtime_checkable

import polars as pl
from pydantic import BaseModel, ConfigDict

from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.time_grid import HOUR_US, from_us

MAX_HOURS: Final = 24.0 * 366 * 10
"""Ten years, the longest span a configuration may name: about as long as perpetuals have existed,
and added to any time of a run it is still a date."""


@dataclass(frozen=True, slots=True)
class Open:
    """Open a position of one or two legs.

    Parameters
    ----------
    long, short
        Rows of ``market.instruments``; None for a position of one leg.
    size_usd
        Notional of each leg; ``position_usd`` of the configuration when None.
    memo
        A number to be found again on the position, such as the divergence at entry.
    """

    long: int | None
    short: int | None
    size_usd: float | None = None
    memo: float = 0.0


@dataclass(frozen=True, slots=True)
class Close:
    """Close all legs of a position, for a reason that the trades will carry.

    The reason is a word or more, and none of those that the engine gives itself, such as
    ``liquidation``.
    """

    position_id: int
    reason: str


Order = Open | Close


@dataclass(frozen=True, slots=True)
class Position:
    """A position that is open, or whose opening is on its way.

    Parameters
    ----------
    long, short
        Rows of ``market.instruments``; None where it has no such leg.
    ordered_us
        When it was decided on, in microseconds since the epoch.
    memo
        What the strategy wrote on the order.
    closing
        Whether an order to close it is on its way.
    """

    position_id: int
    long: int | None
    short: int | None
    ordered_us: int
    memo: float
    closing: bool = False

    @property
    def ordered_at(self) -> datetime:
        """When it was decided on."""
        return from_us(self.ordered_us)

    def age_hours(self, now_us: int) -> float:
        """Count the hours since it was decided on."""
        return (now_us - self.ordered_us) / HOUR_US


class Bars(NamedTuple):
    """Prices of an instrument up to now, per canonical base, newest last."""

    time_us: Ints
    """When each was known, in microseconds since the epoch: the end of its bar."""
    low: Floats
    """Lowest price of the bar; NaN where a price came without one."""
    high: Floats
    price: Floats


class MarketView(Protocol):
    """The market as it was known at one instant.

    Columns have one value per row of ``instruments``, NaN for what was not known or is too old to
    be relied on. They may be refreshed in place: a strategy that keeps one beyond a decision copies
    it.
    """

    @property
    def instruments(self) -> pl.DataFrame:
        """One row per instrument, by venue and symbol; row numbers are what orders name."""

    @property
    def time(self) -> datetime:
        """Now."""

    @property
    def time_us(self) -> int:
        """Now, in microseconds since the epoch."""

    @property
    def rate(self) -> Floats:
        """Last settled rate, fraction per funding interval."""

    @property
    def interval_hours(self) -> Floats:
        """Hours that ``rate`` pays for."""

    @property
    def rate_8h(self) -> Floats:
        """``rate`` scaled to eight hours."""

    @property
    def price(self) -> Floats:
        """Last price, per canonical base."""

    @property
    def predicted_rate(self) -> Floats:
        """Rate that each venue predicted last, fraction per funding interval."""

    @property
    def volume_24h_usd(self) -> Floats:
        """Turnover of 24 hours, as last known."""

    @property
    def fee_bps(self) -> Floats:
        """Fee of one fill."""

    @property
    def fill_cost_bps(self) -> Floats:
        """Fee and half-spread of one fill, before impact."""

    @property
    def tradable(self) -> Flags:
        """Which can be traded: those that were seen recently enough."""

    @property
    def base(self) -> Ints:
        """A number for the base of each; equal numbers, equal bases."""

    @property
    def venue(self) -> Ints:
        """A number for the venue of each."""

    @property
    def spot(self) -> Flags:
        """Which are spot, and have no funding."""

    @property
    def by_base(self) -> tuple[Ints, Ints]:
        """Instruments in the order of their bases, and where each base begins, with the end."""

    def index(self, venue: str, venue_symbol: str) -> int:
        """Return the row of an instrument; raise ``MissingDataError`` where there is none."""

    def feature(self, name: str) -> Floats:
        """Return the newest known values of a feature; raise ``MissingDataError`` without it."""

    def past_prices(self, instrument: int, count: int) -> Bars:
        """Return the last known prices of an instrument, newest last; fewer where there are."""

    def past_rates(self, instrument: int, count: int) -> Floats:
        """Return the last known rates of an instrument, newest last; fewer where there are."""


class Book(Protocol):
    """What a strategy sees of its own account: its positions, and the capital behind them.

    Positions are those that are open and those on their way, in the order in which they were
    decided on; the columns are theirs, in that order.
    """

    @property
    def room(self) -> int:
        """How many more positions may be held."""

    @property
    def equity_usd(self) -> float:
        """What the account is worth at the moment of asking, open positions at last prices."""

    @property
    def free_usd(self) -> float:
        """What of the equity no position has as its collateral."""

    @property
    def pnl_usd(self) -> Floats:
        """What each has earned at the moment of asking, all its costs so far paid."""

    @property
    def position_id(self) -> Ints:
        """Number of each."""

    @property
    def long(self) -> Ints:
        """Long legs, as rows of ``market.instruments``; -1 where there is none."""

    @property
    def short(self) -> Ints:
        """Short legs; -1 where there is none."""

    @property
    def ordered_us(self) -> Ints:
        """When each was decided on, in microseconds since the epoch."""

    @property
    def memo(self) -> Floats:
        """What the strategy wrote on each."""

    @property
    def closing(self) -> Flags:
        """Which are being closed."""

    def __iter__(self) -> Iterator[Position]: ...

    def __len__(self) -> int: ...


@runtime_checkable
class Strategy(Protocol):
    """What is asked, decision by decision."""

    def decide(self, market: MarketView, book: Book) -> Iterable[Order]:
        """Order at ``market.time``, most wanted first: the orders compete for capital that way."""
        ...


class NamedStrategy(BaseModel):
    """A strategy that a configuration can name; its fields are its parameters.

    A subclass gives ``name`` a default, ``name: Literal["fade"] = "fade"``, and is found by it in
    ``registry``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str

    @abstractmethod
    def decide(self, market: MarketView, book: Book) -> Iterable[Order]:
        """Order at ``market.time``, most wanted first: the orders compete for capital that way."""
