"""What the parse functions of a venue return: one record per row, in the venue's own numbers.

Times are milliseconds since the epoch, as on the wire; ``frames`` turns records into the tables
of ``core.tables``. A field left out stays absent all the way into the table.

A payload struct that names its fields after those of a record, whatever they are called on the
wire, is the table from wire to column: ``MarketRow.of(row)`` takes them over.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Generic, Protocol, Self, TypeVar

import msgspec

from funding_platform.core.market.asset_classes import AssetClass
from funding_platform.core.symbols import ContractType, is_dollar
from funding_platform.venues.parsing.fields import MaybeReal, MaybeTime


class OfSymbol(Protocol):
    """A row that says whose it is."""

    @property
    def venue_symbol(self) -> str:
        """The venue's own symbol."""
        ...


class Timed(OfSymbol, Protocol):
    """A row of one symbol at one time."""

    @property
    def time_ms(self) -> int:
        """Its time, in milliseconds since the epoch."""
        ...


Row = TypeVar("Row", bound=Timed)


class Record(msgspec.Struct, frozen=True):
    """Base of all records."""

    @classmethod
    def of(cls, *sources: object, **stated: Any) -> Self:
        """Make a record of ``stated`` and of whatever attributes of the sources have its names.

        What is stated comes first, then the sources in order: the first that has an attribute
        gives it, be it blank. None, the answer that did not come, is a source of nothing.
        """
        return cls(**cls._gathered(*sources, **stated))

    @classmethod
    def _gathered(cls, *sources: object, **stated: Any) -> dict[str, Any]:
        givers = _givers(cls, *map(type, sources))
        values = {name: getattr(sources[giver], name) for name, giver in givers}
        values.update(stated)
        return values


@cache
def _givers(record: type[Record], *sources: type) -> tuple[tuple[str, int], ...]:
    """Find each field that a source has, and which is the first to have it."""
    fields = record.__struct_fields__
    having = {name: [hasattr(source, name) for source in sources] for name in fields}
    return tuple((name, found.index(True)) for name, found in having.items() if any(found))


class Listing(Record, kw_only=True, frozen=True, gc=False):
    """One perpetual that a venue lists; columns of ``core.instruments``.

    ``base`` is the venue's spelling, ``status`` the venue's word for it. ``venue_id`` is what calls
    name it by, where that is not the symbol; it is not kept. ``asset_class`` is left out where the
    venue does not say it. Orders, and so ``min_size``, are in contracts unless ``order_unit`` says
    otherwise.
    """

    venue_symbol: str
    base: str
    quote: str
    settle: str | None
    contract_type: ContractType
    status: str
    venue_id: str | None = None
    asset_class: AssetClass | None = None
    contract_size: MaybeReal = None
    interval_hours: MaybeReal = None
    tick_size: MaybeReal = None
    min_size: MaybeReal = None
    order_unit: MaybeReal = None
    listed_ms: MaybeTime = None

    @classmethod
    def linear(cls, *sources: object, **stated: Any) -> Self:
        """Make a record as ``of`` does, for contracts of one unit of the base.

        They settle in their quote where nothing else is said.
        """
        values = cls._gathered(*sources, **stated)
        usual = {"settle": values["quote"], "contract_type": "linear", "contract_size": 1.0}
        return cls(**(usual | values))


class MarketRow(Record, kw_only=True, frozen=True, gc=False):
    """The market of one perpetual as it stands; columns of ``core.market_snapshots``.

    A venue that does not count in dollars gives its ``quote`` and ``volume_24h_quote``: where the
    quote is a dollar or counts as one, ``frames`` fills the dollar columns that are left out.
    """

    venue_symbol: str
    predicted_rate: MaybeReal
    quote: str | None = None
    interval_hours: MaybeReal = None
    next_funding_ms: MaybeTime = None
    mark_price: MaybeReal = None
    index_price: MaybeReal = None
    open_interest_base: MaybeReal = None
    open_interest_usd: MaybeReal = None
    volume_24h_usd: MaybeReal = None
    volume_24h_quote: MaybeReal = None
    best_bid: MaybeReal = None
    best_ask: MaybeReal = None

    @classmethod
    def joined(cls, row: OfSymbol, *answers: Mapping[str, object], **stated: Any) -> Self:
        """Make a record as ``of`` does of a row, and of what other answers say of its perpetual."""
        return cls.of(row, *(answer.get(row.venue_symbol) for answer in answers), **stated)


class Settlement(Record, frozen=True, gc=False):
    """One settled rate; a row of ``core.funding_rates``.

    ``interval_hours`` only where the venue states it for that very row.
    """

    venue_symbol: str
    time_ms: int
    rate: float
    mark_price: MaybeReal = None
    index_price: MaybeReal = None
    interval_hours: MaybeReal = None


class PageOf(msgspec.Struct, Generic[Row], frozen=True, gc=False):
    """One answer of an endpoint that keeps rows through time.

    Parameters
    ----------
    rows
        Its rows, in any order.
    token
        The venue's cursor to the page after it, for venues that page by cursor.
    passed_over_ms
        Times of rows that are not kept (an interval still open, a sample in between). They show
        how far the page reaches nevertheless.
    """

    rows: Sequence[Row]
    token: str | None = None
    passed_over_ms: Sequence[int] = ()

    @property
    def times_ms(self) -> list[int]:
        """Times of all its rows, kept or not."""
        return [*(row.time_ms for row in self.rows), *self.passed_over_ms]


class Page(PageOf[Settlement], frozen=True, gc=False):
    """One answer of a history endpoint: settled rates."""

    @classmethod
    def sifted(
        cls,
        rows: Sequence[Settlement],
        is_settlement: Callable[[Settlement], bool],
        token: str | None = None,
    ) -> Self:
        """Make a page of those rows that are settlements; the others are passed over."""
        settlements = [row for row in rows if is_settlement(row)]
        others = [row.time_ms for row in rows if not is_settlement(row)]
        return cls(settlements, token, others)


def dollars(quote: str | None, amount: MaybeReal) -> MaybeReal:
    """Return an amount of the quote currency as USD; None unless it is or counts as a dollar."""
    return amount if is_dollar(quote) else None


def hours_of(listing: Listing | None, otherwise: float) -> float:
    """Return a listing's interval, or the other where nothing is listed or no interval stated."""
    return (listing and listing.interval_hours) or otherwise
