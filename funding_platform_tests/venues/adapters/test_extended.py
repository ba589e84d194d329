"""Extended: a time that is called a rate, markets without funding, and clients without a name."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from funding_platform.core.time_grid import from_ms
from funding_platform.settings import Settings
from funding_platform.venues.adapters.extended.rest import HISTORY
from funding_platform.venues.errors import ContractError, UnknownSymbolError, VenueError
from funding_platform.venues.parsing.history import History
from funding_platform.venues.registry import open_venue
from funding_platform_tests.venues.adapters.test_lighter import MARCH
from funding_platform_tests.venues.frames import snapshot
from funding_platform_tests.venues.server import Answer, Router, serve

STATS = {"fundingRate": "0.000013", "nextFundingRate": 1_789_340_400_000, "markPrice": "100"}


def market(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": "PERPETUAL",
        "assetName": name.removesuffix("-USD"),
        "collateralAssetName": "USD",
        "status": "ACTIVE",
        "marketStats": STATS,
        "tradingConfig": {"minPriceChange": "1", "minOrderSize": "0.1"},
    } | changes


def markets(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"/api/v1/info/markets": Answer({"status": "OK", "data": list(rows)})}


def test_markets_that_pay_no_funding_are_left_out(settings: Settings) -> None:
    untyped = market("ETH-USD")
    del untyped["type"]  # as before spring 2026
    spot = market("BTCSPOT-USD", type="SPOT", marketStats={"lastPrice": "1"})
    soon = market("SOON-USD", status="PRELISTED", marketStats={})
    routes = markets(market("BTC-USD"), untyped, spot, soon)
    frame, warnings, _ = snapshot("extended", routes, settings)
    assert frame["venue_symbol"].to_list() == ["BTC-USD", "ETH-USD"]
    assert frame["next_funding_time"].to_list() == [from_ms(1_789_340_400_000)] * 2
    assert warnings == []
    listed, _, _ = snapshot("extended", routes, settings, "instruments")
    assert dict(listed.select("venue_symbol", "status").iter_rows()) == {
        "BTC-USD": "trading",
        "ETH-USD": "trading",
        "SOON-USD": "halted",
    }


def test_bases_without_session_and_multiplier(settings: Settings) -> None:
    routes = markets(market("MU_24_5-USD"), market("1000PEPE-USD"))
    frame, _, _ = snapshot("extended", routes, settings, "instruments")
    assert frame.select("base", "multiplier", "quote", "settle").rows() == [
        ("PEPE", 1000.0, "USD", "USDC"),
        ("MU", 1.0, "USD", "USDC"),
    ]


@pytest.mark.parametrize(
    "stats",
    [
        {**STATS, "fundingRate": None},
        {**STATS, "fundingRate": ""},
        {**STATS, "fundingRate": "NaN"},
        {"fundingRateRenamed": "0.000013", "nextFundingRate": 1_789_340_400_000},
        {"fundingRate": "0.000013"},
        {**STATS, "nextFundingRate": "0.000013"},
        {},
    ],
)
def test_a_market_that_trades_has_a_funding_rate(settings: Settings, stats: Any) -> None:
    with pytest.raises(ContractError):
        snapshot("extended", markets(market("BTC-USD", marketStats=stats)), settings)


def read(answer: Answer, settings: Settings) -> tuple[History, Router]:
    async def run() -> tuple[History, Router]:
        async with (
            serve({"/api/v1/info/BTC-USD/funding": answer}) as router,
            open_venue("extended", router.url, settings=settings) as venue,
        ):
            return await venue.funding_history(["BTC-USD"], MARCH), router

    return asyncio.run(run())


def test_the_market_is_a_part_of_the_path_and_we_name_ourselves(settings: Settings) -> None:
    _, router = read(Answer({"status": "OK", "data": []}), settings)
    [request] = router.requests
    assert request.params.keys() == {"startTime", "endTime", "limit"}
    assert request.headers["user-agent"]


@pytest.mark.parametrize(("status", "code"), [(200, 1001), (404, 1001)])
def test_an_error_in_place_of_the_data(settings: Settings, status: int, code: int) -> None:
    error = {"status": "ERROR", "error": {"code": code, "message": "Market not found."}}
    history, _ = read(Answer(error, status), settings)
    failure: VenueError = history.failures["BTC-USD"]
    assert isinstance(failure, UnknownSymbolError)
    assert "error 1001: Market not found." in failure.message


def test_the_documented_page_with_a_cursor(shared_dir: Path) -> None:
    file = shared_dir / "venues" / "fixtures" / "extended" / "docs-funding-paginated.json"
    [row] = HISTORY.decode(file.read_bytes())
    assert (row.venue_symbol, row.rate, row.time_ms) == ("BTC-USD", 0.000008, 1_777_507_201_028)
