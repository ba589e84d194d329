"""Reading opportunities: each bound, the order, other costs, and what is left out."""

from collections.abc import Callable
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from funding_platform.arbitrage import OpportunityFilter, find_opportunities
from funding_platform.arbitrage.errors import FilterError
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.core.tables.marts.reasons import TIERS
from funding_platform.flows.queries import left_out
from funding_platform_tests.arbitrage import strategies
from funding_platform_tests.arbitrage.market import opportunity, some_facts
from funding_platform_tests.arbitrage.strategies import EVERYTHING
from funding_platform_tests.examples import costly

Lake = duckdb.DuckDBPyConnection
Row = dict[str, Any]

ROWS = [opportunity(facts) for facts in some_facts()]
KEY = OPPORTUNITIES.key


def key_of(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in KEY)


def keys(frame: pl.DataFrame) -> list[tuple[str, ...]]:
    return list(frame.select(KEY).iter_rows())


def is_least(value: float | None, bound: float) -> bool:
    return value is not None and value >= bound


def is_most(value: float | None, bound: float) -> bool:
    return value is not None and value <= bound


def both(row: Row, name: str) -> tuple[Any, Any]:
    return row[f"long_{name}"], row[f"short_{name}"]


PASSES: dict[str, Callable[[Row, Any], bool]] = {
    "bases": lambda row, wanted: row["base"] in wanted,
    "symbols": lambda row, wanted: bool({*wanted} & {*both(row, "symbol")}),
    "venues": lambda row, wanted: {*both(row, "venue")} <= {*wanted},
    "long_venues": lambda row, wanted: row["long_venue"] in wanted,
    "short_venues": lambda row, wanted: row["short_venue"] in wanted,
    "exclude_venues": lambda row, wanted: not {*both(row, "venue")} & {*wanted},
    "tiers": lambda row, wanted: row["tier"] in wanted,
    "open_interest_balance": lambda row, wanted: row["open_interest_balance"] in wanted,
    "min_divergence_8h": lambda row, least: is_least(row["divergence_8h"], least),
    "min_net": lambda row, least: is_least(row["net_7d"], least),
    "min_net_apr": lambda row, least: is_least(row["net_apr"], least),
    "min_volume_24h_usd": lambda row, least: is_least(row["min_volume_24h_usd"], least),
    "max_volume_24h_usd": lambda row, most: all(
        is_most(v, most) for v in both(row, "volume_24h_usd")
    ),
    "min_open_interest_usd": lambda row, least: is_least(row["min_open_interest_usd"], least),
    "max_open_interest_usd": lambda row, most: is_most(row["max_open_interest_usd"], most),
    "min_open_interest_ratio": lambda row, least: is_least(row["open_interest_ratio"], least),
    "max_open_interest_ratio": lambda row, most: is_most(row["open_interest_ratio"], most),
    "max_spread_bps": lambda row, most: all(is_most(v, most) for v in both(row, "spread_bps")),
    "max_price_gap_bps": lambda row, most: (
        row["price_gap_bps"] is not None and abs(row["price_gap_bps"]) <= most
    ),
    "min_persistence": lambda row, least: is_least(row["same_sign_share"], least),
    "min_half_life_hours": lambda row, least: is_least(row["half_life_hours"], least),
}
"""Whether a row passes, by field of the filter."""

EXAMPLES: dict[str, Any] = {
    "bases": ("ETH", "SOL"),
    "symbols": ("BTC-OKX", "ETH-BYBIT"),
    "venues": ("okx", "bybit", "lighter"),
    "long_venues": ("okx", "lighter"),
    "short_venues": ("binance",),
    "exclude_venues": ("bybit", "drift"),
    "tiers": ("watch",),
    "open_interest_balance": ("balanced", "short_heavy"),
    "min_divergence_8h": 1e-3,
    "min_net": 0.0,
    "min_net_apr": 0.1,
    "min_volume_24h_usd": 1e5,
    "max_volume_24h_usd": 1e8,
    "min_open_interest_usd": 1e4,
    "max_open_interest_usd": 1e8,
    "min_open_interest_ratio": 0.5,
    "max_open_interest_ratio": 3.0,
    "max_spread_bps": 10.0,
    "max_price_gap_bps": 10.0,
    "min_persistence": 0.7,
    "min_half_life_hours": 20.0,
}


@pytest.mark.parametrize("field", PASSES)
def test_a_bound_passes_exactly_the_rows_it_should(lake: Lake, field: str) -> None:
    expected = {key_of(row) for row in ROWS if PASSES[field](row, EXAMPLES[field])}
    assert 0 < len(expected) < len(ROWS), "the example must have something to tell apart"
    found = find_opportunities(
        OpportunityFilter(**{field: EXAMPLES[field]}, limit=EVERYTHING), lake
    )
    assert set(keys(found)) == expected
    assert tuple(found.columns) == OPPORTUNITIES.column_names


@costly(12)
@given(fields=strategies.stated(strategies.BOUNDS))
def test_bounds_hold_all_at_once(lake: Lake, fields: dict[str, Any]) -> None:
    found = find_opportunities(OpportunityFilter(**fields, limit=EVERYTHING), lake)
    assert set(keys(found)) == {
        key_of(row)
        for row in ROWS
        if all(PASSES[field](row, value) for field, value in fields.items())
    }


@costly(12)
@given(
    fields=strategies.stated(strategies.BOUNDS),
    more=strategies.stated(strategies.BOUNDS),
    costs=strategies.stated(strategies.COSTS),
)
def test_a_tighter_filter_never_adds_a_row(
    lake: Lake, fields: dict[str, Any], more: dict[str, Any], costs: dict[str, Any]
) -> None:
    further = {name: value for name, value in more.items() if name not in fields}
    loose = OpportunityFilter(**fields, **costs, limit=EVERYTHING)
    try:
        tight = OpportunityFilter(**fields, **further, **costs, limit=EVERYTHING)
    except FilterError:
        assume(False)
    assert set(keys(find_opportunities(tight, lake))) <= set(keys(find_opportunities(loose, lake)))


@costly(8)
@given(
    bounds=st.sampled_from(["min_net", "min_net_apr", "min_divergence_8h"]).flatmap(
        lambda name: st.tuples(st.just(name), st.floats(-0.1, 0.1), st.floats(-0.1, 0.1))
    )
)
def test_a_stricter_bound_never_shows_more(lake: Lake, bounds: tuple[str, float, float]) -> None:
    name, *values = bounds
    loose, strict = sorted(values)
    shown = [
        set(keys(find_opportunities(OpportunityFilter(**{name: bound}, limit=EVERYTHING), lake)))
        for bound in (strict, loose)
    ]
    assert shown[0] <= shown[1]


# --- order and limit


def test_without_a_sort_field_the_best_tier_comes_first_then_the_net(lake: Lake) -> None:
    found = find_opportunities(OpportunityFilter(limit=EVERYTHING), lake)
    expected = sorted(
        ROWS,
        key=lambda row: (
            TIERS.index(row["tier"]),
            row["net_7d"] is None,
            -(row["net_7d"] or 0),
            key_of(row),
        ),
    )
    assert keys(found) == [key_of(row) for row in expected]


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("field", ["net_apr", "price_gap_bps", "half_life_hours"])
def test_rows_with_an_unknown_sort_value_come_last(
    lake: Lake, field: str, descending: bool
) -> None:
    found = find_opportunities(
        OpportunityFilter(sort_by=field, descending=descending, limit=EVERYTHING), lake
    )[field].to_list()
    known = [value for value in found if value is not None]
    assert 0 < len(known) < len(found)
    assert found == [*sorted(known, reverse=descending), *[None] * (len(found) - len(known))]


@pytest.mark.parametrize("costs", [{}, {"fee_mode": "maker"}, {"size_usd": 1e6}])
def test_the_limit_cuts_the_end_off(lake: Lake, costs: dict[str, Any]) -> None:
    everything = find_opportunities(OpportunityFilter(**costs, limit=EVERYTHING), lake)
    found = find_opportunities(OpportunityFilter(**costs, limit=7), lake)
    assert_frame_equal(found, everything.head(7))


# --- other costs


@costly(12)
@given(wanted=strategies.costs())
def test_other_costs_are_those_of_a_slow_calculation(lake: Lake, wanted: OpportunityFilter) -> None:
    expected = pl.DataFrame(
        [opportunity(facts, wanted) for facts in some_facts()],
        schema_overrides=dict(OPPORTUNITIES.polars_schema),
    )
    found = find_opportunities(wanted, lake)
    assert_frame_equal(found.sort(KEY), expected.sort(KEY), rel_tol=1e-9, abs_tol=1e-12)


@pytest.mark.parametrize(
    "as_built",
    [
        {"size_usd": 10_000},
        {"fee_tiers": {"binance": "base"}},
        {"fee_tiers": {"bybit": "base", "lighter": "base"}, "size_usd": 10_000},
    ],
)
def test_the_costs_that_the_table_was_built_with_change_nothing(
    lake: Lake, as_built: dict[str, Any]
) -> None:
    stored = find_opportunities(OpportunityFilter(limit=EVERYTHING), lake)
    anew = find_opportunities(OpportunityFilter(**as_built, limit=EVERYTHING), lake)
    assert_frame_equal(anew, stored)


@costly(8)
@given(sizes=st.tuples(st.floats(1, 1e7), st.floats(1, 1e7)))
def test_a_larger_size_never_nets_more(lake: Lake, sizes: tuple[float, float]) -> None:
    smaller, larger = (
        find_opportunities(OpportunityFilter(size_usd=size, limit=EVERYTHING), lake).sort(KEY)
        for size in sorted(sizes)
    )
    for net in ("net_8h", "net_7d", "net_apr"):
        assert (larger[net] <= smaller[net]).all()
        # Beyond what a book was seen to hold, the turnover has to be known.
        assert (larger[net].is_null() | smaller[net].is_not_null()).all()


def test_an_unknown_fee_of_a_tier_stays_unknown(lake: Lake) -> None:
    wanted = OpportunityFilter(fee_tiers={"hyperliquid": "tier_1"}, long_venues=("hyperliquid",))
    found = find_opportunities(wanted, lake)
    assert found["long_taker_bps"].null_count() == found.height > 0
    assert found["cost_bps"].null_count() == found.height
    assert set(found["tier"]) == {"reject"}
    assert all("long_fee_unknown" in reasons for reasons in found["reasons"])


# --- what is left out


def test_what_is_left_out_is_counted_by_bound(lake: Lake) -> None:
    fields: dict[str, Any] = {
        "min_open_interest_usd": 1e5,
        "tiers": ("watch",),
        "max_price_gap_bps": 10.0,
    }
    left = left_out(lake, OpportunityFilter(**fields))
    passing = [
        row for row in ROWS if all(PASSES[field](row, value) for field, value in fields.items())
    ]
    assert (left.rows, left.passing) == (len(ROWS), len(passing))
    assert left.by_bound == {
        field: sum(not PASSES[field](row, value) for row in ROWS) for field, value in fields.items()
    }
    assert left.unknown == {
        "tiers": 0,
        "min_open_interest_usd": sum(row["min_open_interest_usd"] is None for row in ROWS),
        "max_price_gap_bps": sum(row["price_gap_bps"] is None for row in ROWS),
    }
    assert left.unknown["max_price_gap_bps"] > 0


def test_a_leg_that_fails_a_bound_fails_it_whatever_the_other_is(lake: Lake) -> None:
    spreads = [both(row, "spread_bps") for row in ROWS]
    left = left_out(lake, OpportunityFilter(max_spread_bps=5))
    assert left.unknown["max_spread_bps"] == sum(
        None in pair and not any(one is not None and one > 5 for one in pair) for pair in spreads
    )


def test_without_bounds_nothing_is_left_out(lake: Lake) -> None:
    left = left_out(lake, OpportunityFilter(limit=1))
    assert (left.rows, left.passing, left.by_bound) == (len(ROWS), len(ROWS), {})
