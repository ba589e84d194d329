"""What is known of a venue before it is asked anything: its specification."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.prices import OPEN_INTEREST, PRICE_CANDLES, SPOT_CANDLES
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import HOUR
from funding_platform.settings import Settings
from funding_platform.venues.books.specification import BookSpec
from funding_platform.venues.errors import NotOfferedError
from funding_platform.venues.paging.pager import Pager
from funding_platform.venues.parsing.hourly import EmptyBars
from funding_platform.venues.rest.endpoints import RefusalHook
from funding_platform.venues.rest.limits import Budget

_HOURLY = (PRICE_CANDLES, SPOT_CANDLES, OPEN_INTEREST)


@dataclass(frozen=True, kw_only=True)
class HourlySpec:
    """How a venue hands out rows by the hour: bars, or open interest.

    Parameters
    ----------
    pager
        How they are paged through.
    page_size
        Rows per request at most.
    page_span
        The longest stretch per request, where a longer one is cut off silently.
    depth
        How far back they are kept; None where all of them are.
    lasts
        How long after its time a row is complete.
    """

    pager: type[Pager[Any]]
    page_size: int
    page_span: timedelta | None = None
    depth: timedelta | None = None
    lasts: timedelta = timedelta(0)


@dataclass(frozen=True, kw_only=True)
class CandleSpec(HourlySpec):
    """How a venue hands out bars.

    Parameters
    ----------
    kinds
        Of ``PRICE_KINDS``, those that it has; none for spot markets.
    empty_bars
        What it publishes of an hour without a deal: nothing that is ``omitted`` is a gap.
    """

    kinds: tuple[str, ...] = ()
    empty_bars: EmptyBars = "flat"
    lasts: timedelta = HOUR


@dataclass(frozen=True, kw_only=True)
class VenueSpec:
    """Every fact about a venue that is not an endpoint, declared once.

    Parameters
    ----------
    name, title
        The registered name, and how people write it.
    base_url
        What endpoint paths are appended to.
    docs_url
        The venue's own documentation.
    offers
        The tables it has rows for. Those by the hour need not be named: what follows names them.
    history_start
        First month with settled rates; None, as the pager, where it offers none.
    history_depth
        How far back settled rates are kept; None where all of them are.
    pager
        How its history is paged through.
    page_size
        Settlements per request at most.
    page_span
        The longest stretch of history per request, where a longer one is cut off silently.
    candles
        How its bars of perpetuals are handed out; once for all kinds, or once for each group of
        them.
    spot_candles
        How the bars of its spot markets are.
    open_interest
        How its open interest through time is.
    books
        How deep the order books of its perpetuals are handed out; None where no one may see them.
    budget
        What it allows per window, for endpoints without a budget of their own.
    refusal
        Finds error codes in answers.
    used_weight_header
        Header in which it reports what it has counted against ``budget``.
    statuses
        The venue's listing statuses, as values of ``core.instruments.status``.
    never_stated
        Columns of ``plausibility.CRITICAL_COLUMNS`` that its snapshots do not fill.
    credentials
        Headers that identify us, from the settings and the base URL in use.
    """

    name: str
    title: str
    base_url: str
    docs_url: str
    offers: tuple[Table, ...] = (INSTRUMENTS, MARKET_SNAPSHOTS, FUNDING_RATES)
    history_start: datetime | None = None
    history_depth: timedelta | None = None
    pager: type[Pager[Any]] | None = None
    page_size: int = 0
    page_span: timedelta | None = None
    candles: tuple[CandleSpec, ...] = ()
    spot_candles: CandleSpec | None = None
    open_interest: HourlySpec | None = None
    books: BookSpec | None = None
    budget: Budget
    refusal: RefusalHook
    used_weight_header: str | None = None
    statuses: Mapping[str, str] = field(default_factory=dict)
    never_stated: tuple[str, ...] = ()
    credentials: Callable[[Settings, str], Mapping[str, str]] = lambda settings, base_url: {}

    def __post_init__(self) -> None:
        hourly = zip(_HOURLY, (self.candles, self.spot_candles, self.open_interest), strict=True)
        others = [table for table in self.offers if table not in _HOURLY]
        offered = (*others, *(table for table, spec in hourly if spec))
        object.__setattr__(self, "offers", offered)

    @property
    def collected(self) -> tuple[Table, ...]:
        """What is stored of it: what it offers, and what its order books are measured for."""
        return (*self.offers, ORDER_BOOK_DEPTH) if self.books else self.offers

    @property
    def candle_kinds(self) -> tuple[str, ...]:
        """What bars of perpetuals there are, of ``PRICE_KINDS``."""
        return tuple(kind for spec in self.candles for kind in spec.kinds)

    def candles_of(self, kind: str) -> CandleSpec:
        """How the bars of one kind are handed out.

        Raises
        ------
        NotOfferedError
            If the venue has none.
        """
        for spec in self.candles:
            if kind in spec.kinds:
                return spec
        if not self.candles:
            raise self.not_offered(PRICE_CANDLES)
        raise NotOfferedError(
            f"offers no {kind} candles",
            venue=self.name,
            hint=f"it offers {', '.join(self.candle_kinds)}",
        )

    def not_offered(self, table: Table) -> NotOfferedError:
        """Make the error for rows that the venue does not have."""
        offered = ", ".join(offer.name for offer in self.offers)
        return NotOfferedError(
            f"offers no {table.name}", venue=self.name, hint=f"it offers {offered}"
        )
