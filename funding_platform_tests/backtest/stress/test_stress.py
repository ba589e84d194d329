"""Stress scenarios: their data, and what they cost positions that are worked out by hand."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.errors import StressError
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.backtest.stress.losses import SCHEMA, stressed
from funding_platform.backtest.stress.scenarios import Scenario, built_in, chosen, scenarios_of
from funding_platform_tests.backtest.markets import START, Told, config, provider_of, settlement

LONG, SHORT = ("ftx", "BTC-PERP"), ("okx", "BTC-PERP")
MARKET = provider_of(
    *(
        settlement(venue, hour, 0.0, 8.0, 100.0)
        for venue in ("ftx", "okx")
        for hour in range(0, 49, 8)
    )
)


def ran(**margin: Any) -> BacktestResult:
    """10,000 USD long on ftx and short on okx at 2x, from the eighth hour to the sixteenth."""
    setting = config(48.0, margin={"rebalance_threshold": None, **margin})
    return run_backtest(setting, MARKET, Told({8.0: (LONG, SHORT)}, closes=(16.0,)))


RUN = ran()


def scenario(**shocks: Any) -> Scenario:
    return Scenario(name="made-up", title="Made up", sources=("here",), **shocks)


def cost(run: BacktestResult, instruments: pl.DataFrame | None = None, **shocks: Any) -> Any:
    (row,) = stressed(run, [scenario(**shocks)], instruments).rows(named=True)
    return row


def listed(quotes: dict[str, str], kinds: dict[str, str]) -> pl.DataFrame:
    return pl.DataFrame(
        [(venue, "BTC-PERP", quotes[venue], kinds.get(venue, "linear"), None) for venue in quotes],
        schema=["venue", "venue_symbol", "quote", "contract_type", "settle"],
        orient="row",
    )


def test_one_move_everywhere_costs_a_hedged_pair_nothing() -> None:
    row = cost(RUN, prices=[{"move": -0.3}])
    assert (row["total_usd"], row["price_usd"], row["legs_liquidated"]) == (0, 0, 0)


def test_venues_that_part_cost_the_difference() -> None:
    row = cost(RUN, prices=[{"move": -0.30}, {"venue": "ftx", "move": -0.32}])
    assert row["price_usd"] == pytest.approx(-200)
    assert row["at"] == START + (row["at"] - START)
    assert (row["positions"], row["share_of_equity"]) == (1, pytest.approx(-0.002))


def test_a_leg_below_maintenance_pays_the_penalty() -> None:
    """5,000 of collateral less 4,900: 100 is left, 2 % of 5,100 is 102; the penalty is 1 %."""
    row = cost(RUN, prices=[{"move": -0.49}])
    assert row["legs_liquidated"] == 1
    assert row["liquidation_usd"] == pytest.approx(-51)
    assert cost(RUN, prices=[{"move": -0.48}])["legs_liquidated"] == 0


def test_maintenance_is_that_of_the_leg_s_tier_on_its_venue() -> None:
    """Up to 4,000 dollars 0.5 %, and 10 % of the rest: of 5,500, 170; at -45 % 500 is left."""
    ftx = [(0, 0.005), (4_000, 0.1)]
    tiers = {"ftx": [{"notional_usd": n, "maintenance_rate": rate} for n, rate in ftx]}
    run = ran(tiers=tiers)
    assert cost(run, prices=[{"move": -0.45}])["legs_liquidated"] == 0
    assert cost(run, prices=[{"move": -0.48}])["legs_liquidated"] == 0  # 200 of 140
    assert cost(run, prices=[{"move": -0.49}])["legs_liquidated"] == 1  # 100 of 130
    assert cost(ran(tiers={"okx": tiers["ftx"]}), prices=[{"move": -0.49}])["legs_liquidated"] == 1


def test_what_a_quanto_contract_pays_and_holds_moves_with_its_coin() -> None:
    """A long of 10,000 loses 2,000, in coins that lose a half: 1,000; its 5,000 lose 2,500."""
    quanto = listed({"ftx": "USD", "okx": "USD"}, {"ftx": "quanto"}).with_columns(
        settle=pl.lit("ETH")
    )
    row = cost(RUN, quanto, prices=[{"base": "BTC", "move": -0.2}, {"base": "ETH", "move": -0.5}])
    assert row["price_usd"] == pytest.approx(-1_000 - 2_500 + 2_000)


def test_deleveraging_leaves_the_losing_leg_alone() -> None:
    row = cost(RUN, prices=[{"move": -0.2}], deleveraging={"share": 0.5, "after": 0.5})
    assert row["deleveraging_usd"] == pytest.approx(-0.5 * 0.5 * 2_000)
    assert row["total_usd"] == pytest.approx(-500)


@pytest.mark.parametrize(("venue", "lost"), [("ftx", 5_000), ("largest", 5_000), ("gone", 0)])
def test_a_venue_that_fails_takes_what_lies_there(venue: str, lost: float) -> None:
    row = cost(RUN, failure={"venue": venue, "lost": 1.0})
    assert row["failure_usd"] == pytest.approx(-lost)
    assert row["failed_venue"] == (None if venue == "gone" else "ftx")


def test_what_fails_is_what_is_left_after_the_move() -> None:
    row = cost(RUN, prices=[{"move": -0.2}], failure={"venue": "largest", "lost": 0.5})
    assert (row["failed_venue"], row["failure_usd"]) == ("okx", pytest.approx(-3_500))


def test_a_stablecoin_takes_its_tenth_of_collateral_on_both_legs() -> None:
    both = listed({"ftx": "USDT", "okx": "USDT"}, {})
    row = cost(RUN, both, quotes={"USDT": 0.9})
    assert row["quote_usd"] == pytest.approx(-0.1 * 10_000)
    assert row["quotes_unknown"] == 0


def test_a_short_in_the_stablecoin_loses_more_than_its_collateral() -> None:
    """Against a long in dollars: the coin rises by a ninth in a currency worth nine tenths."""
    one = listed({"ftx": "USD", "okx": "USDT"}, {})
    row = cost(RUN, one, quotes={"USDT": 0.9})
    assert row["quote_usd"] == pytest.approx(-500 - 1_000)


def test_collateral_in_the_coin_falls_with_it() -> None:
    row = cost(
        RUN, listed({"ftx": "USD", "okx": "USD"}, {"okx": "inverse"}), prices=[{"move": -0.2}]
    )
    assert row["price_usd"] == pytest.approx(-1_000)


def test_what_is_not_listed_keeps_its_quote_and_is_counted() -> None:
    row = cost(RUN, quotes={"USDT": 0.9})
    assert (row["quote_usd"], row["quotes_unknown"]) == (0, 2)


def test_a_run_without_trades_loses_nothing() -> None:
    idle = run_backtest(config(48.0), MARKET, Told({}))
    found = stressed(idle, built_in())
    assert found.columns == list(SCHEMA)
    assert set(found["total_usd"]) == {0.0}
    assert set(found["positions"]) == {0}


@given(st.floats(-0.95, 2), st.floats(-0.95, 2), st.floats(0.5, 1.2), st.floats(0.01, 1))
def test_parts_add_up(first: float, second: float, worth: float, lost: float) -> None:
    row = cost(
        RUN,
        listed({"ftx": "USDT", "okx": "USD"}, {}),
        prices=[{"move": first}, {"venue": "okx", "move": second}],
        quotes={"USDT": worth},
        failure={"venue": "largest", "lost": lost},
        deleveraging={"share": 0.5, "after": 0.25},
    )
    names = ("price_usd", "quote_usd", "liquidation_usd", "deleveraging_usd", "failure_usd")
    assert row["total_usd"] == pytest.approx(sum(row[name] for name in names), abs=1e-4)
    assert all(row[name] <= 0 for name in names[2:])


def test_the_most_specific_move_holds() -> None:
    one = next(each for each in built_in() if each.name == "2025-10-10")
    moves = {
        ("SOL", "binance"): -0.361, ("SOL", "bybit"): -0.337, ("BTC", "binance"): -0.164,
        ("BTC", "okx"): -0.168, ("HYPE", "binance"): -0.53,
    }  # fmt: skip
    assert {pair: one.move(*pair) for pair in moves} == moves


def test_built_in_scenarios_have_names_of_their_own_and_sources() -> None:
    names = [one.name for one in built_in()]
    assert len(set(names)) == len(names) >= 6
    assert all(one.sources and one.title for one in built_in())
    assert [one.name for one in chosen(("2022-11-08",))] == ["2022-11-08"]
    assert chosen(()) == built_in()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("= 1", "no TOML"),
        ("[[scenario]]\nname = 'x'", "title: is required"),
        (
            "[[scenario]]\nname = 'x'\ntitle = 'x'\nsources = ['x']\nprices = [{ move = -1.5 }]",
            "move",
        ),
    ],
)
def test_scenarios_that_make_no_sense_are_refused(text: str, said: str) -> None:
    with pytest.raises(StressError, match=said):
        scenarios_of(text)


def test_a_scenario_that_does_not_exist_is_named() -> None:
    with pytest.raises(StressError, match="no stress scenario 1929") as found:
        chosen(("1929",))
    assert "2020-03-12" in str(found.value.hint)
