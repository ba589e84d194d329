"""Which exchanges there are behind ccxt, and what is said of one that is not."""

import asyncio
import sys

import pytest
from click.testing import CliRunner

from funding_platform.cli import main
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.prices import OPEN_INTEREST, PRICE_CANDLES
from funding_platform.settings import Settings
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import MissingExtraError, NotOfferedError, UnknownVenueError
from funding_platform.venues.paging.either_end import EitherEnd
from funding_platform.venues.registry import bridged_names, open_venue, venue_class, venue_spec

pytest.importorskip("ccxt")


def test_a_bridged_spec_says_what_there_is() -> None:
    spec = venue_spec("ccxt:gate")
    assert spec.name == "ccxt:gate"
    funding = (INSTRUMENTS, MARKET_SNAPSHOTS, FUNDING_RATES)
    assert spec.offers == (*funding, PRICE_CANDLES, OPEN_INTEREST)
    assert spec.candle_kinds == ("mark", "index", "trade")
    assert venue_spec("ccxt:apex").candle_kinds == ("trade",)
    assert spec.candles_of("mark").page_size == 1000
    assert venue_spec("ccxt:okx").candles_of("mark").page_size == 100
    with pytest.raises(NotOfferedError, match="offers no mark candles"):
        venue_spec("ccxt:apex").candles_of("mark")
    assert (spec.pager, spec.page_size) == (EitherEnd, 100)
    assert spec.budget.weight_per_window / spec.budget.window_seconds == pytest.approx(20)
    assert spec.base_url.startswith("https://")
    assert venue_class("ccxt:gate") is venue_class("ccxt:gate")
    assert MARKET_SNAPSHOTS not in venue_spec("ccxt:apex").offers


@pytest.mark.parametrize("name", ["ccxt:deribit", "ccxt:paradex"])
def test_what_ccxt_calls_a_settlement_and_is_none_is_not_offered(name: str) -> None:
    assert FUNDING_RATES not in venue_spec(name).offers
    assert MARKET_SNAPSHOTS in venue_spec(name).offers
    assert name not in bridged_names()


@pytest.mark.parametrize(
    ("name", "reason"),
    [("ccxt:mtgox", "knows no such exchange"), ("ccxt:coinspot", "has no funding rates")],
)
def test_an_exchange_without_funding_data_is_unknown(name: str, reason: str) -> None:
    with pytest.raises(UnknownVenueError, match=reason):
        venue_spec(name)


def test_without_ccxt_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt.async_support", None)
    with pytest.raises(MissingExtraError, match=r'pip install "funding-platform\[ccxt\]"'):
        venue_spec("ccxt:kraken")
    with pytest.raises(MissingExtraError, match=r"^ccxt: ccxt is not installed"):
        bridged_names()


def test_the_command_lists_bridged_exchanges_with_what_they_offer() -> None:
    shown = CliRunner().invoke(main, ["venues", "--bridged"], env={"COLUMNS": "250"})
    assert shown.exit_code == 0
    lines = {line.split()[1]: line for line in shown.output.splitlines() if "ccxt:" in line}
    assert set(lines) == set(bridged_names())
    assert len(lines) > 40
    assert "market_snapshots" in lines["ccxt:gate"]
    native = CliRunner().invoke(main, ["venues"], env={"COLUMNS": "250"}).output
    assert "ccxt:" not in native
    (line,) = [line for line in native.splitlines() if "coingecko" in line.split()]
    assert "market_snapshots" in line
    assert "funding_rates" not in line


@pytest.mark.parametrize("name", bridged_names())
def test_every_bridged_exchange_can_be_opened(name: str) -> None:
    """ccxt describes each well enough for a spec and an adapter; nothing is sent."""

    async def run() -> Venue:
        async with open_venue(name, "http://127.0.0.1:1", settings=Settings()) as venue:
            return venue

    venue = asyncio.run(run())
    assert venue.spec.name == name
    assert FUNDING_RATES in venue.spec.offers
    assert venue.spec.docs_url.startswith("http")
    assert venue.spec.budget.weight_per_window > 0
