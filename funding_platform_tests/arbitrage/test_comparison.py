"""Two venues side by side, from either side."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from funding_platform.arbitrage import OpportunityFilter, find_opportunities
from funding_platform.arbitrage.errors import FilterError, UnknownChoiceError
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.flows.queries.trading.opportunities import COMPARISON, compare_venues
from funding_platform.lake.connection import connect
from funding_platform.settings import Settings
from funding_platform_tests.arbitrage.market import VENUES, build_lake, facts

PAIRS = [(a, b) for a in VENUES for b in VENUES if a < b]


def test_a_worked_case(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    pairs = [
        facts("BTC", "lighter", "binance", long_rate_8h=1e-4, short_rate_8h=4e-4, price_gap_bps=5),
        facts("ETH", "binance", "lighter", long_rate_8h=-2e-4, short_rate_8h=0.0, price_gap_bps=25),
        facts("ETH", "binance", "okx"),
    ]
    build_lake(settings, (OPPORTUNITIES, pairs))
    with connect(settings) as lake:
        compared = compare_venues(lake, "lighter", "binance", OpportunityFilter(sort_by="net_7d"))
    btc, eth = sorted(compared.to_dicts(), key=lambda row: str(row["base"]))
    assert (btc["first_symbol"], btc["second_symbol"]) == ("BTC-LIGHTER", "BTC-BINANCE")
    assert (btc["first_rate_8h"], btc["second_rate_8h"]) == (1e-4, 4e-4)
    assert btc["difference_8h"] == pytest.approx(3e-4)
    assert (btc["long_venue"], btc["price_gap_bps"], btc["settled_7d"]) == ("lighter", 5, 0.01)
    # ETH is short Lighter: the same pair, seen from its short leg.
    assert (eth["first_symbol"], eth["second_symbol"]) == ("ETH-LIGHTER", "ETH-BINANCE")
    assert (eth["first_rate_8h"], eth["second_rate_8h"]) == (0.0, -2e-4)
    assert eth["difference_8h"] == pytest.approx(-2e-4)
    assert (eth["long_venue"], eth["settled_7d"]) == ("binance", -0.01)
    assert eth["price_gap_bps"] == pytest.approx((1 / 1.0025 - 1) * 1e4)
    assert (eth["first_interval_hours"], eth["second_interval_hours"]) == (1.0, 8.0)
    assert (eth["first_open_interest_usd"], eth["second_open_interest_usd"]) == (2e7, 3e7)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_the_other_way_round_flips_every_sign_and_nothing_else(
    lake: duckdb.DuckDBPyConnection, first: str, second: str
) -> None:
    there = compare_venues(lake, first, second)
    back = compare_venues(lake, second, first)
    assert there.height == back.height > 0
    assert there.schema == COMPARISON
    flipped = {"difference_8h", "settled_7d", "settled_30d"}
    for name in there.columns:
        own, other = there[name], back[name]
        if name in flipped:
            other = -other
        elif name.startswith(("first_", "second_")):
            side, of = name.split("_", 1)
            other = back[f"{'second' if side == 'first' else 'first'}_{of}"]
        elif name == "price_gap_bps":
            other = (1 / (1 + other / 1e4) - 1) * 1e4
            assert own.to_list() == pytest.approx(other.to_list())
            continue
        assert own.equals(other.alias(name), null_equal=True), name


def test_bounds_and_costs_are_those_of_the_filter(lake: duckdb.DuckDBPyConnection) -> None:
    wanted = OpportunityFilter(bases=("BTC", "ETH"), fee_mode="maker", sort_by="net_1d")
    compared = compare_venues(lake, "bybit", "binance", wanted)
    found = find_opportunities(wanted.model_copy(update={"venues": ("bybit", "binance")}), lake)
    assert compared.height == 2
    for name in ("base", "net_1d", "net_apr", "tier", "maker_cost_bps"):
        assert compared[name].equals(found[name])


@pytest.mark.parametrize(
    ("venues", "fields", "words"),
    [
        (("okx", "okx"), {}, "okx cannot be compared with itself"),
        (("okx", "bybit"), {"venues": ("okx", "binance")}, "the filter names okx, binance"),
        (("okx", "bybit"), {"exclude_venues": ("okx",)}, "is in venues and in exclude_venues"),
        (("okx", "bybit"), {"long_venues": ("binance",)}, "in long_venues but not in venues"),
    ],
)
def test_what_cannot_be_compared_is_explained(
    lake: duckdb.DuckDBPyConnection,
    venues: tuple[str, str],
    fields: dict[str, Any],
    words: str,
) -> None:
    with pytest.raises(FilterError, match=words):
        compare_venues(lake, *venues, OpportunityFilter(**fields))


def test_an_unknown_venue_is_refused(lake: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(UnknownChoiceError, match="'lihgter'; did you mean lighter"):
        compare_venues(lake, "lihgter", "okx")
