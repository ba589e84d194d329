"""Hyperliquid's builders' exchanges (HIP-3): symbols, collaterals, classes, failures."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from funding_platform.core.time_grid import Window
from funding_platform.sandbox.server import build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform.venues.contract import Venue
from funding_platform.venues.registry import open_venue
from funding_platform_tests.venues.server import Answer, Params, serve

NOW = datetime(2026, 7, 16, 2, 30, tzinfo=UTC)
EXCHANGES: dict[str, tuple[int, tuple[str, ...]]] = {
    "": (0, ("BTC", "kPEPE", "META")),
    "xyz": (0, ("xyz:AAPL", "xyz:GOLD", "xyz:EUR", "xyz:SP500", "xyz:META")),
    "flx": (360, ("flx:AAPL", "flx:CL")),
}


def info(params: Params) -> Answer:
    """``POST /info``, by type and exchange."""
    kind, dex = params["type"], params.get("dex", "")
    if kind == "perpDexs":
        return Answer([None, *({"name": name, "fullName": name} for name in EXCHANGES if name)])
    if kind == "spotMeta":
        tokens = [{"index": 360, "name": "USDH"}, {"index": 0, "name": "USDC"}]
        return Answer({"tokens": tokens, "universe": []})
    if kind == "fundingHistory":
        rows = [(1_784_160_000_034, "-0.0000164624"), (1_784_163_600_134, "0.00000625")]
        return Answer(
            [
                {"coin": params["coin"], "fundingRate": rate, "premium": "0", "time": time}
                for time, rate in rows
                if time >= params["startTime"]
            ]
        )
    collateral, coins = EXCHANGES[str(dex)]
    universe = [{"name": coin, "szDecimals": 2, "maxLeverage": 10} for coin in coins]
    market = {"funding": "0.00000625", "openInterest": "10", "markPx": "100", "oraclePx": "101"}
    contexts = [{**market, "dayNtlVlm": "5"} for _ in coins]
    return Answer([{"universe": universe, "collateralToken": collateral}, contexts])


def ask(
    settings: Settings,
    what: Callable[[Venue], Any],
    answer: Callable[[Params], Answer] = info,
) -> tuple[Any, list[str]]:
    async def run() -> tuple[Any, list[str]]:
        async with (
            serve({"/info": answer}) as router,
            open_venue("hyperliquid", router.url, settings=settings, clock=lambda: NOW) as venue,
        ):
            return await what(venue), [str(warning) for warning in venue.warnings]

    return asyncio.run(run())


def test_the_exchange_is_part_of_the_symbol_and_not_of_the_base(settings: Settings) -> None:
    found, warnings = ask(settings, lambda venue: venue.instruments())
    columns = ("base", "multiplier", "quote", "settle", "asset_class")
    assert {row["venue_symbol"]: tuple(row[name] for name in columns)
            for row in found.iter_rows(named=True)} == {
        "BTC": ("BTC", 1.0, "USDC", "USDC", "crypto"),
        "kPEPE": ("PEPE", 1000.0, "USDC", "USDC", "crypto"),
        "META": ("META", 1.0, "USDC", "USDC", "crypto"),
        "xyz:AAPL": ("AAPL", 1.0, "USDC", "USDC", "equity"),
        "xyz:GOLD": ("GOLD", 1.0, "USDC", "USDC", "metal"),
        "xyz:EUR": ("EUR", 1.0, "USDC", "USDC", "fx"),
        "xyz:SP500": ("SP500", 1.0, "USDC", "USDC", "index"),
        "xyz:META": ("META", 1.0, "USDC", "USDC", "other"),  # the coin, or the share of its name
        "flx:AAPL": ("AAPL", 1.0, "USDH", "USDH", "equity"),
        "flx:CL": ("CL", 1.0, "USDH", "USDH", "commodity"),
    }  # fmt: skip
    assert warnings == []


def test_markets_of_every_exchange(settings: Settings) -> None:
    found, _ = ask(settings, lambda venue: venue.market_snapshot())
    assert set(found["venue_symbol"]) == {coin for _, coins in EXCHANGES.values() for coin in coins}
    assert found["open_interest_usd"].unique().to_list() == [1000.0]  # every collateral is a dollar
    assert found["next_funding_time"].unique().to_list() == [datetime(2026, 7, 16, 3, tzinfo=UTC)]


def test_history_is_asked_for_by_the_whole_symbol(settings: Settings) -> None:
    window = Window(datetime(2026, 7, 16, tzinfo=UTC), datetime(2026, 7, 16, 2, tzinfo=UTC))
    found, _ = ask(settings, lambda venue: venue.funding_history(["xyz:AAPL"], window))
    assert found.failures == {}
    assert found.frame.select("venue_symbol", "funding_rate").rows() == [
        ("xyz:AAPL", -0.0000164624),
        ("xyz:AAPL", 0.00000625),
    ]


@pytest.mark.parametrize("failing", ["perpDexs", "spotMeta", "flx"])
def test_what_a_builder_costs_is_its_own(settings: Settings, failing: str) -> None:
    def answer(params: Params) -> Answer:
        if failing in (params["type"], params.get("dex")):
            return Answer(None, status=500)
        return info(params)

    found, warnings = ask(settings, lambda venue: venue.instruments(), answer)
    assert isinstance(found, pl.DataFrame)
    symbols = set(found["venue_symbol"])
    assert {"BTC", "kPEPE"} <= symbols
    assert len(warnings) == 1
    if failing == "spotMeta":
        unknown = found.filter(venue_symbol="flx:AAPL").row(0, named=True)
        assert (unknown["quote"], unknown["settle"]) == ("USD", None)
    else:
        assert "flx:AAPL" not in symbols


def test_the_recorded_row_of_a_builder_is_read(shared_dir: Any, settings: Settings) -> None:
    file = shared_dir / "venues/fixtures/hyperliquid/candles-hip3-fundingHistory-xyz_SKHY.json"
    if not file.is_file():
        pytest.skip("the shared folder has no recorded answer of a builder's exchange")
    rows = json.loads(file.read_text())
    window = Window(datetime(2026, 7, 16, tzinfo=UTC), datetime(2026, 7, 16, 2, tzinfo=UTC))
    found, _ = ask(
        settings,
        lambda venue: venue.funding_history(["xyz:SKHY"], window),
        lambda params: Answer([row for row in rows if row["time"] >= params["startTime"]]),
    )
    assert found.frame["funding_rate"].to_list() == [float(row["fundingRate"]) for row in rows]


def test_the_sandbox_speaks_of_builders_as_the_venue_does(settings: Settings) -> None:
    """Shares of the synthetic market: one asset on two venues, by base and class."""

    async def listed(venue: str, url: str) -> pl.DataFrame:
        async with open_venue(venue, url, settings=settings) as opened:
            frame = await opened.instruments()
            assert opened.warnings == []
            snapshot = await opened.market_snapshot()
            assert set(snapshot["venue_symbol"]) <= set(frame["venue_symbol"])
            return frame.filter(~pl.col("asset_class").is_in(("crypto", "other")))

    with running_sandbox(build_market(symbols=60)) as sandbox:
        urls = sandbox.venue_urls
        ours, theirs = (
            asyncio.run(listed(venue, urls[venue])) for venue in ("hyperliquid", "binance")
        )
    facts = ("venue_symbol", "base", "asset_class")
    assert ours.select(facts).rows() == [
        ("xyz:AAPL", "AAPL", "equity"),
        ("xyz:TSLA", "TSLA", "equity"),
        ("xyz:XAU", "XAU", "metal"),
    ]
    assert theirs.select(facts).rows() == [
        ("AAPLUSDT", "AAPL", "equity"),
        ("TSLAUSDT", "TSLA", "equity"),
        ("XAUUSDT", "XAU", "metal"),
    ]
