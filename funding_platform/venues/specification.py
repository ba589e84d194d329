"""What is known of a venue before it is asked anything: its specification."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.schema import Table
from funding_platform.settings import Settings
from funding_platform.venues.errors import NotOfferedError
from funding_platform.venues.paging.pager import Pager
from funding_platform.venues.rest.endpoints import RefusalHook
from funding_platform.venues.rest.limits import Budget


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
        The tables it has rows for.
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
    pager: type[Pager] | None = None
    page_size: int = 0
    page_span: timedelta | None = None
    budget: Budget
    refusal: RefusalHook
    used_weight_header: str | None = None
    statuses: Mapping[str, str] = field(default_factory=dict)
    never_stated: tuple[str, ...] = ()
    credentials: Callable[[Settings, str], Mapping[str, str]] = lambda settings, base_url: {}

    def not_offered(self, table: Table) -> NotOfferedError:
        """Make the error for rows that the venue does not have."""
        offered = ", ".join(offer.name for offer in self.offers)
        return NotOfferedError(
            f"offers no {table.name}", venue=self.name, hint=f"it offers {offered}"
        )
