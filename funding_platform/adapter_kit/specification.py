"""Is a venue's specification whole, and does its adapter do what it says?"""

from datetime import timedelta
from typing import Final

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.prices import (
    OPEN_INTEREST,
    PRICE_CANDLES,
    PRICE_KINDS,
    SPOT_CANDLES,
)
from funding_platform.venues.contract import Venue
from funding_platform.venues.registry import venue_class
from funding_platform.venues.specification import VenueSpec

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
    _check_hourly(spec)
    implemented = {
        INSTRUMENTS.name: adapter.fetch_listings is not Venue.fetch_listings,
        MARKET_SNAPSHOTS.name: adapter.fetch_markets is not Venue.fetch_markets,
        FUNDING_RATES.name: adapter.fetch_history is not Venue.fetch_history,
        PRICE_CANDLES.name: adapter.fetch_candles is not Venue.fetch_candles,
        SPOT_CANDLES.name: adapter.fetch_spot_candles is not Venue.fetch_spot_candles,
        OPEN_INTEREST.name: adapter.fetch_open_interest is not Venue.fetch_open_interest,
    }
    spot = adapter.fetch_spot_listings is not Venue.fetch_spot_listings
    assert spot == implemented[SPOT_CANDLES.name], "`fetch_spot_listings` goes with spot candles"
    offered = [table.name for table in spec.offers]
    expected = [table for table, has in implemented.items() if has]
    assert offered == expected, f"it offers {offered} and implements {expected}"
    reads_books = adapter.book_call is not None or adapter.fetch_book is not Venue.fetch_book
    assert reads_books == (spec.books is not None), "`books` goes with `book_call`"
    paged = spec.pager is not None
    assert paged == (FUNDING_RATES.name in offered), "`pager` goes with a history, and only so"


def _check_hourly(spec: VenueSpec) -> None:
    """Check how rows by the hour are handed out: kinds of bars once each, pages that hold some."""
    kinds = spec.candle_kinds
    assert set(kinds) <= set(PRICE_KINDS), f"kinds of bars are {PRICE_KINDS}, not {kinds}"
    assert len(set(kinds)) == len(kinds), f"of {kinds} one is declared twice"
    assert all(one.kinds for one in spec.candles), "bars of perpetuals have a kind"
    hourly = (*spec.candles, spec.spot_candles, spec.open_interest)
    for one in (each for each in hourly if each is not None):
        assert one.page_size > 0, "`page_size` says how many rows to ask for"
