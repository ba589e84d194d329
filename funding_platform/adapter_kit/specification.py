"""Is a venue's specification whole, and does its adapter do what it says?"""

from datetime import timedelta
from typing import Final

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.venues.contract import Venue
from funding_platform.venues.registry import venue_class

STATUSES: Final = {"trading", "halted", "delisted"}


def check_specification(name: str) -> None:
    """Check the specification of a registered venue, and that it offers what it implements.

    Raises
    ------
    AssertionError
        Saying what is missing or contradicts.
    UnknownVenueError, PluginError
        If it is not registered, or its package does not load.
    """
    adapter = venue_class(name)
    spec = adapter.spec
    assert spec.name == name, f"the specification of {name!r} names {spec.name!r}"
    for address in (spec.base_url, spec.docs_url):
        assert address.startswith("https://"), f"{address!r} is not an https address"
    if FUNDING_RATES in spec.offers:
        assert spec.page_size > 0, "`page_size` says how many settlements to ask for"
        start = spec.history_start
        assert start is not None, "`history_start` says with which month the history begins"
        begins_a_month = (start.day, start.utcoffset()) == (1, timedelta(0))
        assert begins_a_month, f"`history_start` {start} is not the first day of a month in UTC"
    unknown = set(spec.statuses.values()) - STATUSES
    assert not unknown, f"`statuses` has {sorted(unknown)}; known are {sorted(STATUSES)}"
    implemented = {
        INSTRUMENTS.name: adapter.fetch_listings is not Venue.fetch_listings,
        MARKET_SNAPSHOTS.name: adapter.fetch_markets is not Venue.fetch_markets,
        FUNDING_RATES.name: adapter.fetch_history is not Venue.fetch_history,
    }
    offered = [table.name for table in spec.offers]
    expected = [table for table, has in implemented.items() if has]
    assert offered == expected, f"it offers {offered} and implements {expected}"
    paged = spec.pager is not None
    assert paged == (FUNDING_RATES.name in offered), "`pager` goes with a history, and only so"
