"""The table of opportunities of a board, beside the mart of the same market."""

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from funding_platform.core.tables.collected import INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.core.tables.marts.reasons import REASONS, TIERS
from funding_platform.core.time_grid import HOUR
from funding_platform.flows.live.given import given_for_pairs
from funding_platform.lake import connect
from funding_platform.live.board.board import Board
from funding_platform.live.pairs.table import Given, PairTable
from funding_platform.settings import Settings
from funding_platform.venues.streams.updates import MarketUpdate
from funding_platform_tests.dbt.opportunities.pairs_market import NOW
from funding_platform_tests.live.markets import read, tell

KEY = list(OPPORTUNITIES.key)
MARKET = pl.DataFrame(
    schema={
        "venue": pl.String,
        "venue_symbol": pl.String,
        "spread_bps": pl.Float64,
        "open_interest_usd": pl.Float64,
        "volume_24h_usd": pl.Float64,
    }
)
"""Nothing but the board knows of spreads, interests and turnovers."""


@pytest.fixture(scope="module")
def given(built: Settings) -> Given:
    with connect(built) as lake:
        return replace(given_for_pairs(lake), market=MARKET)


@pytest.fixture
def board(built: Settings) -> Board:
    """The market of the lake, told instrument by instrument."""
    board = Board()
    board.list_instruments(read(built, INSTRUMENTS))
    tell(board, _with_books(read(built, MARKET_SNAPSHOTS)))
    return board


def _with_books(snapshots: pl.DataFrame) -> pl.DataFrame:
    """Bids and asks with the spread that the rows have."""
    half = pl.col("spread_bps") / 2e4
    return snapshots.with_columns(best_bid=1 - half, best_ask=1 + half)


def table_of(board: Board, given: Given) -> PairTable:
    table = PairTable(given)
    table.update(board.view())
    return table


def same(
    found: pl.DataFrame, expected: pl.DataFrame, rel_tol: float = 1e-12, abs_tol: float = 1e-15
) -> None:
    assert_frame_equal(found.sort(KEY), expected.sort(KEY), rel_tol=rel_tol, abs_tol=abs_tol)


def test_all_columns_are_those_of_the_mart(board: Board, given: Given, built: Settings) -> None:
    expected = read(built, OPPORTUNITIES)
    assert set(expected["reasons"].explode().drop_nulls()) == set(REASONS), "each must occur"
    assert set(expected["tier"]) == set(TIERS)
    found = table_of(board, given).frame()
    assert found.columns == list(OPPORTUNITIES.column_names)
    # A spread comes back from a bid and an ask with what a double of their size cannot hold.
    same(found, expected, rel_tol=1e-9, abs_tol=1e-11)


def test_one_leg_at_a_time_comes_to_what_all_at_once_does(board: Board, given: Given) -> None:
    table, dice = table_of(board, given), random.Random(5)
    names = board.view().instruments.select("venue", "venue_symbol").rows()
    turned = 0
    for step in range(200):
        before = table.frame().select(KEY)
        for venue, symbol in dice.sample(names, 3):
            said: dict[str, Any] = {
                "predicted_rate": dice.choice([None, dice.gauss(0, 5e-4), 1e-4]),
                "mark_price": dice.choice([None, dice.uniform(0.99, 1.01)]),
                "volume_24h_usd": dice.choice([None, 0.0, 1e8]),
            }
            chosen = dict(dice.sample(sorted(said.items()), 2))
            at = NOW + timedelta(seconds=step * dice.choice([1, 100]))
            board.apply(venue, at, [MarketUpdate(venue_symbol=symbol, **chosen)])
        table.update(board.view())
        turned += before.join(table.frame(), on=KEY, how="anti").height
    anew = table_of(board, given)
    same(table.frame().drop("discovered_at"), anew.frame().drop("discovered_at"))
    assert turned > 10


def test_only_pairs_whose_legs_moved_are_worked_out(board: Board, given: Given) -> None:
    table = table_of(board, given)
    assert table.update(board.view()).size == 0
    board.apply("bybit", NOW, [MarketUpdate(venue_symbol="BTC", predicted_rate=3e-4)])
    slots = table.update(board.view())
    moved = table.frame(slots)
    of_bybit = pl.any_horizontal(
        (pl.col(f"{leg}_venue") == "bybit") & (pl.col(f"{leg}_symbol") == "BTC")
        for leg in ("long", "short")
    )
    assert 0 < moved.height < table.frame().height
    same(moved, table.frame().filter(of_bybit))
    assert set(moved.filter(pl.col("long_venue") == "bybit")["long_rate"]) <= {3e-4}


def test_a_leg_becomes_stale_without_a_word(board: Board, given: Given) -> None:
    table = table_of(board, given)
    fresh = ~pl.col("reasons").list.contains("long_stale")
    before = table.frame().filter(fresh).height
    board.apply("okx", NOW + 30 * HOUR, [MarketUpdate(venue_symbol="BTC", predicted_rate=1e-4)])
    slots = table.update(board.view())
    after = table.frame()
    assert after.filter(fresh).height < before
    assert slots.size > after.filter(pl.col("base") == "BTC").height, "other bases' legs too"


def test_a_measured_book_counts_for_hours_and_no_longer(board: Board, given: Given) -> None:
    table = table_of(board, given)
    measured = (pl.col("long_impact_source") == "measured") & pl.col(
        "long_impact_model_bps"
    ).is_not_null()
    before = table.frame().filter(measured)
    assert before.height > 0
    later = NOW + timedelta(hours=given.limits.depth_fresh_hours + 1)
    board.apply("okx", later, [MarketUpdate(venue_symbol="BTC", predicted_rate=1e-4)])
    table.update(board.view())
    after = table.frame()
    assert after.filter(measured).height == 0
    again = after.join(before, on=KEY, suffix="_before")
    assert (again["long_impact_bps"] == again["long_impact_model_bps"]).all()


def test_a_pair_that_turns_round_has_earned_the_opposite(board: Board, given: Given) -> None:
    table = table_of(board, given)
    pair = (
        table.frame()
        .filter(
            pl.col("settled_7d").is_not_null(),
            pl.col("half_life_hours").is_not_null(),
            pl.col("same_sign_share") > 0.8,
            pl.col("tier") != "reject",
        )
        .row(0, named=True)
    )
    later = NOW + timedelta(minutes=1)
    board.apply(
        pair["long_venue"],
        later,
        [MarketUpdate(venue_symbol=pair["long_symbol"], predicted_rate=0.02)],
    )
    turned = table.frame(table.update(board.view())).row(
        by_predicate=(pl.col("short_venue") == pair["long_venue"])
        & (pl.col("short_symbol") == pair["long_symbol"])
        & (pl.col("long_venue") == pair["short_venue"])
        & (pl.col("long_symbol") == pair["short_symbol"]),
        named=True,
    )
    assert turned["settled_7d"] == -pair["settled_7d"]
    assert turned["half_life_hours"] == pair["half_life_hours"]
    assert turned["same_sign_share"] is None, "hours in which both paid the same are not known"
    assert "flickering" in turned["reasons"]
    assert turned["discovered_at"] == turned["observed_at"]


def test_a_pair_is_discovered_once(board: Board, given: Given) -> None:
    table = table_of(board, given)
    pair = table.frame().filter(pl.col("tier") != "reject").row(0, named=True)

    def say(minutes: int, mark: float | None) -> dict[str, object]:
        for leg in ("long", "short"):
            update = MarketUpdate(venue_symbol=pair[f"{leg}_symbol"], mark_price=mark)
            board.apply(pair[f"{leg}_venue"], NOW + timedelta(minutes=minutes), [update])
        table.update(board.view())
        return table.frame().join(pl.DataFrame([pair]).select(KEY), on=KEY).row(0, named=True)

    price = 100.0
    first = say(1, price)
    assert first["discovered_at"] == pair["discovered_at"]
    assert say(2, None)["discovered_at"] is None
    assert say(3, price)["discovered_at"] == NOW + timedelta(minutes=3)
    assert say(4, price)["discovered_at"] == NOW + timedelta(minutes=3)


def test_a_new_listing_has_its_pairs_and_the_others_keep_their_age(
    board: Board, given: Given, built: Settings
) -> None:
    table = table_of(board, given)
    before = table.frame()
    row = read(built, INSTRUMENTS).filter(venue="deribit", venue_symbol="BTC")
    board.list_instruments(row.with_columns(venue_symbol=pl.lit("BTC-NEW")))
    table.update(board.view())
    same(table.frame(), before)
    board.apply("deribit", NOW, [MarketUpdate(venue_symbol="BTC-NEW", predicted_rate=1e-4)])
    table.update(board.view())
    new = (pl.col("long_symbol") == "BTC-NEW") | (pl.col("short_symbol") == "BTC-NEW")
    assert table.frame().filter(new).height > 0
    same(table.frame().filter(~new), before)


def test_what_the_board_lacks_is_taken_from_the_last_look(board: Board, given: Given) -> None:
    board.apply(
        "bybit",
        NOW,
        [MarketUpdate(venue_symbol="BTC", volume_24h_usd=None, open_interest_usd=None)],
    )
    seen = pl.DataFrame(
        {
            "venue": ["bybit"],
            "venue_symbol": ["BTC"],
            "spread_bps": [1.0],
            "open_interest_usd": [2e6],
            "volume_24h_usd": [3e6],
        }
    )
    table = table_of(board, replace(given, market=seen))
    legs = table.frame().filter(long_venue="bybit", long_symbol="BTC")
    assert set(legs["long_volume_24h_usd"]) == {3e6}
    assert set(legs["long_open_interest_usd"]) == {2e6}


def test_the_best_are_those_that_earn_most_and_the_best_actionable_of_each_asset(
    board: Board, given: Given
) -> None:
    table = table_of(board, given)
    everything = table.frame().filter(pl.col("net_apr").is_not_null())
    ranked = everything.sort("net_apr", descending=True)
    of_assets = ranked.filter(tier="actionable").unique("asset", keep="first", maintain_order=True)
    assert not of_assets.is_empty()
    for count in (0, 3, everything.height):
        best = table.frame(table.best(count))
        assert best["net_apr"].null_count() == 0
        assert set(of_assets.select(KEY).rows()) <= set(best.select(KEY).rows())
        least = ranked["net_apr"][count - 1] if count else float("inf")
        assert (best["net_apr"] >= least).sum() >= count
    assert set(best.select(KEY).rows()) == set(everything.select(KEY).rows())


def test_an_empty_board_has_no_pairs(given: Given) -> None:
    table = PairTable(given)
    assert table.frame().is_empty()
    assert table.update(Board().view()).size == 0
    assert table.frame().schema == OPPORTUNITIES.polars_schema


def test_newer_inputs_are_taken_over(board: Board, given: Given) -> None:
    table = table_of(board, given)
    dearer = given.fees.with_columns(pl.col("taker_bps") + 1.0)
    table.take(replace(given, fees=dearer))
    before = table.frame()
    table.update(board.view())
    after = table.frame()
    rise = after.sort(KEY)["taker_fees_bps"] - before.sort(KEY)["taker_fees_bps"]
    assert np.allclose(rise.drop_nulls(), 4.0)
