"""What a market is to the wire: instruments, settlements, quotes and bars, free of any format.

Two markets exist, a synthetic and a replayed one; every wire module serves both. Values are plain
numbers in native units; the wire module gives them the venue's field names and spelling. ``None``
means that the market does not know, and the wire shows it the way the venue shows absence.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from funding_platform.core.symbols import ContractType
from funding_platform.sandbox.markets.series import (
    Candles,
    OpenInterest,
    PriceKind,
    Settlements,
    Span,
)


class Contract(NamedTuple):
    """What a venue's symbol spells: base (multiplier included), quote and kind of contract."""

    base: str
    quote: str
    contract_type: ContractType


@dataclass(frozen=True, slots=True)
class SpotStyle:
    """How a venue names its spot markets.

    Attributes
    ----------
    quote
        The quote of all that the synthetic market lists.
    spell, read
        Base to symbol (``None`` for one that has no spot market), and symbol to base and quote
        (``None`` for a name that is no spot market of the venue).
    alone
        Coins that trade here and have no perpetual.
    """

    quote: str
    spell: Callable[[str], str | None]
    read: Callable[[str], tuple[str, str] | None]
    alone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VenueStyle:
    """How one venue names and settles its contracts: all that a market must know of a venue.

    Attributes
    ----------
    spell, read
        Contract to symbol, and back (``None`` for a name that is no perpetual of the venue).
    quotes
        Quotes of linear contracts, the main one first; none for an aggregator, which lists nothing
        of its own.
    inverse_quote
        Quote of inverse contracts, ``None`` where the venue has none.
    multipliers
        The venue's spelling of bases that it lists by the thousand: ``{"PEPE": "1000PEPE"}``.
    intervals
        Share of the contracts per funding interval in hours.
    jitter_ms
        Least and greatest lateness of a settlement stamp.
    rate_decimals
        Decimals of a published rate.
    rate_cap
        Largest absolute rate per interval.
    marks_settlements
        Whether history rows carry the mark price.
    contract_usd
        Rough value of one contract, ``None`` where sizes are in units of the base.
    accrues
        Whether the live figure is what the last eight hours paid, hour by hour.
    spot
        How its spot markets are named, ``None`` where it has none.
    tradfi
        The venue's spelling of bases that are no coins: ``{"AAPL": "xyz:AAPL"}``.
    """

    venue: str
    spell: Callable[[Contract], str]
    read: Callable[[str], Contract | None]
    quotes: tuple[str, ...]
    intervals: Mapping[int, float]
    rate_decimals: int
    rate_cap: float
    inverse_quote: str | None = None
    multipliers: Mapping[str, str] = field(default_factory=dict)
    jitter_ms: tuple[int, int] = (0, 0)
    marks_settlements: bool = False
    contract_usd: float | None = None
    accrues: bool = False
    spot: SpotStyle | None = None
    tradfi: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One perpetual contract.

    ``contract_size`` is in base units for a linear contract and in quote units for an inverse one;
    ``size_step`` (the least order too) is in contracts. ``intervals`` holds the funding interval's
    history as (valid from, hours), oldest first; empty where it is unknown.
    """

    venue_symbol: str
    contract: Contract
    contract_size: float
    tick_size: float
    size_step: float
    rate_cap: float
    listed_ms: int
    delisted_ms: int | None = None
    intervals: tuple[tuple[int, int], ...] = ()

    @property
    def settle(self) -> str:
        """The currency that profit and funding are paid in."""
        linear = self.contract.contract_type == "linear"
        return self.contract.quote if linear else self.contract.base

    def trades_at(self, at_ms: int) -> bool:
        """Tell whether the contract is listed and not yet delisted."""
        return self.listed_ms <= at_ms and (self.delisted_ms is None or at_ms < self.delisted_ms)

    def interval_at(self, at_ms: int) -> int | None:
        """Return the hours between settlements at a moment, ``None`` where unknown."""
        in_force = [hours for since, hours in self.intervals if since <= at_ms]
        return in_force[-1] if in_force else None


@dataclass(frozen=True, slots=True)
class SpotMarket:
    """One spot market; sizes are in units of the base."""

    venue_symbol: str
    base: str
    quote: str
    tick_size: float
    size_step: float
    listed_ms: int


@dataclass(frozen=True, slots=True)
class Quote:
    """One contract at one moment.

    Rates are per interval; ``open_interest`` is one-sided, and like ``volume_24h`` and the sizes
    it is in base units. ``last_rate`` is the one settled at ``last_funding_ms``, ``paid_8h`` what
    the eight hours up to now paid, ``None`` where funding does not accrue.
    """

    instrument: Instrument
    predicted_rate: float
    interval_hours: int | None = None
    next_funding_ms: int | None = None
    last_rate: float | None = None
    last_funding_ms: int | None = None
    premium: float | None = None
    mark: float | None = None
    index: float | None = None
    price_24h_ago: float | None = None
    open_interest: float | None = None
    volume_24h: float | None = None
    bid: float | None = None
    ask: float | None = None
    bid_size: float | None = None
    ask_size: float | None = None
    paid_8h: float | None = None

    @property
    def range_24h(self) -> tuple[float | None, float | None]:
        """High and low of the two prices known of the last day; unknown with only one."""
        if self.mark is None or self.price_24h_ago is None:
            return None, None
        return max(self.mark, self.price_24h_ago), min(self.mark, self.price_24h_ago)


class Market(Protocol):
    """A source of instruments, settlements and quotes for several venues.

    Only what has happened by ``now_ms()`` is shown. An unknown venue has no instruments.
    """

    def now_ms(self) -> int:
        """Tell the market's present."""
        ...

    def instruments(self, venue: str) -> Sequence[Instrument]:
        """List every contract listed by now, delisted ones included."""
        ...

    def settlements(self, venue: str, venue_symbol: str) -> Settlements:
        """Return all settlements of a listed contract up to now."""
        ...

    def quotes(self, venue: str) -> Mapping[str, Quote]:
        """Return the contracts that trade now, by symbol."""
        ...

    def candles(
        self, venue: str, venue_symbol: str, kind: PriceKind, span: Span, decimals: int
    ) -> Candles:
        """Return bars of a listed contract that have begun by now, by the time that they begin.

        Prices that the market makes up are rounded to ``decimals``, those that it read are not.
        """
        ...

    def open_interest(
        self, venue: str, venue_symbol: str, step_ms: int, span: Span
    ) -> OpenInterest:
        """Return open interest of a listed contract at multiples of ``step_ms`` up to now."""
        ...

    def spot_markets(self, venue: str) -> Sequence[SpotMarket]:
        """List every spot market that there is by now."""
        ...

    def spot_candles(self, venue: str, venue_symbol: str, span: Span, decimals: int) -> Candles:
        """Return bars of the deals on a listed spot market, as ``candles``."""
        ...
