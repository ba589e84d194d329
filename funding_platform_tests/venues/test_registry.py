"""Names, addresses and specs."""

import asyncio
import subprocess
import sys

import pytest

from funding_platform.adapter_kit import check_specification
from funding_platform.settings import Settings
from funding_platform.venues.errors import UnknownVenueError
from funding_platform.venues.registry import open_venue, venue_class, venue_names, venue_spec
from funding_platform_tests.venues.server import Answer, serve


@pytest.mark.parametrize("name", venue_names())
def test_a_specification_is_whole_and_its_adapter_does_what_it_says(name: str) -> None:
    check_specification(name)


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
