"""Filters that cannot be meant are refused in words."""

from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from funding_platform.arbitrage import OpportunityFilter
from funding_platform.arbitrage.bounds import BOUNDS
from funding_platform.arbitrage.errors import FilterError
from funding_platform.core.tables.marts.opportunities import HORIZONS, OPPORTUNITIES
from funding_platform.core.tables.marts.reasons import TIERS
from funding_platform_tests.arbitrage import strategies


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"min_nett": 1}, "min_nett: there is no such field; did you mean min_net"),
        ({"limit": 0}, "limit: input should be greater than or equal to 1 (got 0)"),
        ({"min_volume_24h_usd": -1}, "min_volume_24h_usd: input should be greater than or equal"),
        ({"min_net": float("nan")}, "min_net: input should be a finite number (got nan)"),
        ({"max_spread_bps": float("inf")}, "max_spread_bps: input should be a finite number"),
        ({"min_persistence": 75}, "min_persistence: input should be less than or equal to 1"),
        ({"size_usd": 0}, "size_usd: input should be greater than 0 (got 0)"),
        ({"horizon": "2d"}, "horizon: input should be '8h', '1d', '3d' or '7d' (got '2d')"),
        ({"fee_mode": "marker"}, "fee_mode: input should be 'taker' or 'maker' (got 'marker')"),
        ({"tiers": ["good"]}, "tiers.0: input should be 'actionable', 'watch' or 'reject'"),
        ({"bases": "BTC"}, "bases: input should be a valid tuple (got 'BTC')"),
        ({"sort_by": "net_arp"}, "sort_by: 'net_arp' is no numeric column; did you mean net_apr"),
        ({"sort_by": "tier"}, "sort_by: 'tier' is no numeric column"),
        ({"sort_by": "net_apr; DROP TABLE x"}, "is no numeric column"),
        (
            {"min_volume_24h_usd": 2e6, "max_volume_24h_usd": 1e6},
            "min_volume_24h_usd (2e+06) is above max_volume_24h_usd (1e+06)",
        ),
        (
            {"min_open_interest_usd": 2, "max_open_interest_usd": 1},
            "min_open_interest_usd (2) is above max_open_interest_usd (1)",
        ),
        (
            {"min_open_interest_ratio": 2, "max_open_interest_ratio": 1},
            "min_open_interest_ratio (2) is above max_open_interest_ratio (1)",
        ),
        (
            {"long_venues": ["okx"], "exclude_venues": ["okx", "bybit"]},
            "okx is in long_venues and in exclude_venues",
        ),
        (
            {"venues": ["okx", "bybit"], "short_venues": ["binance"]},
            "binance is in short_venues but not in venues",
        ),
        ({"venues": ["okx"]}, "venues leave only okx, and a pair has two"),
        (
            {"long_venues": ["okx"], "short_venues": ["okx"]},
            "long_venues and short_venues leave only okx",
        ),
    ],
)
def test_a_senseless_filter_says_what_is_wrong(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(FilterError) as refused:
        OpportunityFilter(**fields)
    assert words in refused.value.message
    assert "docs/commands.md" in str(refused.value.hint)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(FilterError, match=r"limit.*horizon|horizon.*limit"):
        OpportunityFilter.model_validate({"limit": 0, "horizon": "2d"})


def test_a_filter_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match=r"limit\n +Instance is frozen"):
        OpportunityFilter().limit = 3  # type: ignore[misc]


@settings(deadline=None)
@given(bounds=strategies.stated(strategies.BOUNDS), costs=strategies.stated(strategies.COSTS))
def test_what_can_be_meant_is_accepted(bounds: dict[str, Any], costs: dict[str, Any]) -> None:
    try:
        wanted = OpportunityFilter(**bounds, **costs)
    except FilterError as error:
        pytest.fail(f"refused: {error.message}")
    assert OpportunityFilter(**wanted.model_dump()) == wanted


def test_the_choices_are_those_of_the_table() -> None:
    properties = OpportunityFilter.model_json_schema()["properties"]
    assert properties["horizon"]["enum"] == list(HORIZONS)
    assert properties["tiers"]["items"]["enum"] == list(TIERS)
    assert sorted(properties["open_interest_balance"]["items"]["enum"]) == sorted(
        OPPORTUNITIES.column("open_interest_balance").values
    )


def test_every_field_bounds_prices_or_orders() -> None:
    others = {*strategies.COSTS, "sort_by", "descending", "limit"}
    assert set(OpportunityFilter.model_fields) == {*BOUNDS, *others}
    assert {*strategies.BOUNDS, "venues"} == set(BOUNDS), "each bound is tried in the tests"
