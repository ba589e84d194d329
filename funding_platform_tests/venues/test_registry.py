"""Names, addresses and specs."""

import asyncio
import subprocess
import sys
from datetime import timedelta

import pytest

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.settings import Settings
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import UnknownVenueError
from funding_platform.venues.registry import open_venue, venue_class, venue_names, venue_spec
from funding_platform_tests.venues.server import Answer, serve


@pytest.mark.parametrize("name", venue_names())
def test_a_spec_is_consistent(name: str) -> None:
    spec = venue_spec(name)
    assert spec.name == name
    assert spec.base_url.startswith("https://")
    assert spec.docs_url.startswith("https://")
    if FUNDING_RATES in spec.offers:
        assert spec.page_size > 0
        assert spec.pager is not None
        assert spec.history_start is not None
        assert (spec.history_start.day, spec.history_start.utcoffset()) == (1, timedelta(0))
    assert set(spec.statuses.values()) <= {"trading", "halted", "delisted"}


@pytest.mark.parametrize("name", venue_names())
def test_a_venue_implements_what_it_offers_and_nothing_else(name: str) -> None:
    kind = venue_class(name)
    implemented = {
        INSTRUMENTS.name: kind.fetch_listings is not Venue.fetch_listings,
        MARKET_SNAPSHOTS.name: kind.fetch_markets is not Venue.fetch_markets,
        FUNDING_RATES.name: kind.fetch_history is not Venue.fetch_history,
    }
    offered = [table.name for table in kind.spec.offers]
    assert offered == [table for table, has in implemented.items() if has]
    assert (kind.spec.pager is None) == (FUNDING_RATES.name not in offered)


def test_an_unknown_venue_names_the_registered() -> None:
    with pytest.raises(UnknownVenueError, match=r"hint: registered are: binance, bybit"):
        venue_spec("mtgox")


def test_the_address_comes_from_the_settings_unless_given() -> None:
    async def run() -> list[str]:
        routes = {
            path: Answer({"symbols": []})
            for path in ("/given/fapi/v1/exchangeInfo", "/set/fapi/v1/exchangeInfo")
        }
        async with serve(dict(routes)) as router:
            settings = Settings(venue_urls={"binance": f"{router.url}/set/"})
            for base_url in (None, f"{router.url}/given"):
                async with open_venue("binance", base_url, settings=settings) as venue:
                    await venue.listings()
            return [request.path for request in router.requests if "exchange" in request.path]

    assert asyncio.run(run()) == ["/set/fapi/v1/exchangeInfo", "/given/fapi/v1/exchangeInfo"]


def test_every_venue_has_a_class_of_its_own() -> None:
    assert len({venue_class(name) for name in venue_names()}) == len(venue_names())


def test_importing_the_package_imports_no_client() -> None:
    code = "import sys, funding_platform.venues; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
