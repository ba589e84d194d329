"""What the reader works out agrees with what dbt built: reasons, tiers and nets alike."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from funding_platform.arbitrage import OpportunityFilter, find_opportunities
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES, OPPORTUNITIES_BEST
from funding_platform.core.tables.marts.reasons import TIERS
from funding_platform.flows.queries import compare_venues
from funding_platform.lake.connection import connect
from funding_platform_tests.dbt.conftest import Built

EVERYTHING = 100_000
AS_STORED = OpportunityFilter(limit=EVERYTHING)


def found_in(built: Built, wanted: OpportunityFilter = AS_STORED) -> pl.DataFrame:
    with connect(built.settings) as lake:
        return find_opportunities(wanted, lake)


def test_every_row_is_read_the_best_first(built: Built) -> None:
    stored = built.read("FROM marts.opportunities")
    found = found_in(built)
    assert_frame_equal(found, stored, check_row_order=False)
    ranks = [TIERS.index(tier) for tier in found["tier"]]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) > 1


@pytest.mark.parametrize("named", [{"size_usd": 10_000.0}, {"fee_tiers": {"binance": "base"}}])
def test_the_costs_that_dbt_works_with_give_what_dbt_built(
    built: Built, named: dict[str, object]
) -> None:
    anew = OpportunityFilter.model_validate({**named, "limit": EVERYTHING})
    assert_frame_equal(found_in(built, anew), found_in(built), rel_tol=1e-12)


def test_of_makers_only_fees_and_what_follows_from_them_differ(built: Built) -> None:
    stored = found_in(built).sort(OPPORTUNITIES.key)
    makers = found_in(built, OpportunityFilter(fee_mode="maker", limit=EVERYTHING))
    makers = makers.sort(OPPORTUNITIES.key)
    follows = [name for name in stored.columns if name.startswith("net_")]
    follows += ["break_even_hours", "tier", "reasons"]
    assert_frame_equal(makers.drop(follows), stored.drop(follows), rel_tol=1e-12)
    expected = stored["funding_7d"] - stored["maker_cost_bps"] / 1e4
    assert_frame_equal(makers.select("net_7d"), expected.alias("net_7d").to_frame())
    assert (makers["net_7d"] > stored["net_7d"]).sum() > 0


def test_the_best_of_each_asset_is_the_first_that_the_filter_gives(built: Built) -> None:
    with connect(built.settings) as lake:
        best = find_opportunities(AS_STORED, lake, table=OPPORTUNITIES_BEST)
    first = found_in(built).unique("asset", keep="first", maintain_order=True)
    assert_frame_equal(
        best.select("asset", "tier", "net_7d"), first.select("asset", "tier", "net_7d")
    )


def test_two_venues_are_compared_by_their_own_rates(built: Built) -> None:
    with connect(built.settings) as lake:
        compared = compare_venues(lake, "lighter", "binance")
    latest = built.read(
        "SELECT venue, venue_symbol, predicted_rate_8h FROM marts.latest_funding_rates"
    )
    rates = {(venue, symbol): rate for venue, symbol, rate in latest.iter_rows()}
    assert set(compared["base"]) == {"BTC", "ETH", "PEPE"}
    for row in compared.iter_rows(named=True):
        first = rates["lighter", row["first_symbol"]]
        second = rates["binance", row["second_symbol"]]
        assert (row["first_rate_8h"], row["second_rate_8h"]) == (first, second)
        assert row["difference_8h"] == pytest.approx(second - first)
