"""Every registered venue reads back from the sandbox exactly what the market behind it holds."""

from collections.abc import Iterator

import pytest

from funding_platform.adapter_kit.against_sandbox import NOW, check_served
from funding_platform.adapter_kit.hourly import check_hourly_served
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.prices import OPEN_INTEREST, PRICE_CANDLES, SPOT_CANDLES
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.venues.registry import venue_names, venue_spec

HOURLY = (PRICE_CANDLES, SPOT_CANDLES, OPEN_INTEREST)
OF_THEIR_OWN = {"deribit", "paradex", "drift"}
"""Venues that publish another quantity than the rate per interval: their own tests convert it."""

with_history = [
    name
    for name in venue_names()
    if FUNDING_RATES in venue_spec(name).offers and name not in OF_THEIR_OWN
]
with_hours = [name for name in venue_names() if {*HOURLY} & {*venue_spec(name).offers}]


@pytest.fixture(scope="module")
def market() -> Market:
    return build_market(symbols=30, seed=5, now=NOW)


@pytest.fixture(scope="module")
def sandbox(market: Market) -> Iterator[RunningSandbox]:
    with running_sandbox(market) as running:
        yield running


@pytest.mark.sampled(3)
@pytest.mark.parametrize("venue", with_history)
def test_what_is_collected_is_what_the_market_holds(
    sandbox: RunningSandbox, market: Market, venue: str
) -> None:
    check_served(venue, market, sandbox)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("venue", with_hours)
def test_rows_by_the_hour_are_those_of_the_market(
    sandbox: RunningSandbox, market: Market, venue: str
) -> None:
    check_hourly_served(venue, market, sandbox)


def test_a_difference_is_named(sandbox: RunningSandbox) -> None:
    other = build_market(symbols=30, seed=6, now=NOW)
    with pytest.raises(AssertionError, match="instruments differ"):
        check_served("binance", other, sandbox)


def test_a_bar_that_differs_is_named(sandbox: RunningSandbox) -> None:
    other = build_market(symbols=30, seed=6, now=NOW)
    with pytest.raises(AssertionError, match=r"mark candles"):
        check_hourly_served("binance", other, sandbox)
