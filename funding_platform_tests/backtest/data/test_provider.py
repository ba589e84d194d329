"""What was known when, and what is refused."""

import weakref
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.errors import DataError, NoOverlapError, UnknownInstrumentError
from funding_platform_tests.backtest.markets import (
    HOUR,
    START,
    Told,
    config,
    funding_frame,
    price_frame,
    provider_of,
    settlement,
)

ROWS = (
    settlement("a", 0, 8e-4, 8.0, 100.0),
    settlement("a", 8, 4e-4, 8.0, 101.0),
    settlement("b", 7, 1e-4, 1.0, 100.0),
    settlement("b", 8, 2e-4, 1.0, 100.0),
    settlement("c", 8, 1e-3, None, 100.0),
)


def at(hours: float) -> Any:
    return START + hours * HOUR


def test_between_settlements_the_last_known_rate_with_its_age() -> None:
    known = provider_of(*ROWS).get_funding_rate(at(7.5), "a", "BTC")
    assert known is not None
    assert (known.funding_rate, known.age) == (8e-4, timedelta(hours=7.5))
    assert known.rate_8h == pytest.approx(8e-4)


def test_a_settlement_is_known_at_its_instant_and_not_before() -> None:
    data = provider_of(*ROWS)
    before, then = (
        data.get_funding_rate(moment, "a", "BTC-PERP")
        for moment in (at(8) - timedelta(microseconds=1), at(8))
    )
    assert before is not None
    assert then is not None
    assert (before.funding_rate, then.funding_rate) == (8e-4, 4e-4)
    assert data.get_funding_rate(at(-1), "a", "BTC") is None


def test_a_row_that_came_late_is_known_late() -> None:
    late = funding_frame(ROWS).with_columns(available_at=pl.col("funding_time") + 3 * HOUR)
    data = FundingDataProvider.from_frames(late)
    known = data.get_funding_rate(at(10), "a", "BTC")
    assert known is not None
    assert (known.funding_rate, known.age) == (8e-4, timedelta(hours=10))


def test_spreads_compare_rates_of_different_intervals() -> None:
    data = provider_of(*ROWS)
    spread = data.get_spread(at(8), "a", "b", "BTC")
    assert spread is not None
    assert spread.spread_8h == pytest.approx(8 * 2e-4 - 4e-4)
    assert data.get_spread(at(6), "a", "b", "BTC") is None  # b has not settled yet
    assert data.get_spread(at(8), "a", "c", "BTC") is None  # the interval of c is unknown
    best = data.get_best_spread(at(8), "BTC")
    assert best is not None
    assert (best.long.venue, best.short.venue) == ("a", "b")
    early = data.get_best_spread(at(7), "BTC")
    assert early is not None
    assert early.spread_8h == pytest.approx(0.0)


def test_of_several_contracts_on_a_base_the_one_with_most_settlements() -> None:
    rows = [settlement("a", 0, 1e-4, 8.0, symbol="BTCUSDC")]
    rows += [settlement("a", hour, 3e-4, 8.0, symbol="BTCUSDT") for hour in (0, 8)]
    data = provider_of(*rows)
    known = data.get_funding_rate(at(8), "a", "BTC")
    assert known is not None
    assert known.venue_symbol == "BTCUSDT"


def test_the_best_spread_is_the_widest_over_all_contracts_on_two_venues() -> None:
    rows = [
        settlement("a", 0, 0.0, 1.0, symbol="X1", base="X"),
        settlement("a", 0, 9e-3, 1.0, symbol="X2", base="X"),
        settlement("b", 0, 1e-4, 1.0, symbol="X", base="X"),
        settlement("c", 0, 9.0, 1.0, symbol="X", base="OTHER"),
        settlement("c", 0, 8.95e-3, 1.0, symbol="X3", base="X"),
    ]
    best = provider_of(*rows[:3]).get_best_spread(at(1), "X")
    assert best is not None
    assert (best.long.venue, best.short.venue_symbol) == ("b", "X2")
    assert best.spread_8h == pytest.approx(8 * (9e-3 - 1e-4))
    other = provider_of(*rows).get_best_spread(at(1), "X")  # X of c is paid on another base
    assert other is not None
    assert (other.long.venue_symbol, other.short.venue_symbol) == ("X1", "X3")
    assert provider_of(*rows).get_best_spread(at(-1), "X") is None


@pytest.mark.parametrize(
    ("venue", "symbol", "said"),
    [("z", "BTC", "no venue 'z'"), ("a", "DOGE", "no symbol on a 'DOGE'")],
)
def test_unknown_names_are_refused(venue: str, symbol: str, said: str) -> None:
    with pytest.raises(UnknownInstrumentError, match=said):
        provider_of(*ROWS).get_funding_rate(at(8), venue, symbol)


def test_narrowing_keeps_what_was_asked_for() -> None:
    data = provider_of(*ROWS).load_data(at(8), at(8), venues=["a", "c"], symbols=["BTC"])
    assert data.instruments["venue"].to_list() == ["a", "c"]
    assert data.funding_rates["funding_rate"].to_list() == [4e-4, 1e-3]
    known = data.get_funding_rate(at(9), "a", "BTC")
    assert known is not None
    assert known.funding_rate == 4e-4
    with pytest.raises(UnknownInstrumentError, match="'nowhere'"):
        provider_of(*ROWS).load_data(at(0), at(8), venues=["nowhere"])
    with pytest.raises(DataError, match="no settlement and no price"):
        provider_of(*ROWS).load_data(at(100), at(200))


def test_narrowing_to_all_there_is_changes_nothing() -> None:
    data = provider_of(*ROWS)
    assert data.load_data(at(0), at(8)) is data
    narrow = data.load_data(at(0), at(7.5))
    assert narrow is not data
    assert narrow is data.load_data(at(0), at(7.5))
    assert narrow is not data.load_data(at(0), at(7.5), venues=["a"])


def by_number(frame: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """Rows with the number of their instrument instead of its key."""
    numbers = facts.sort("venue", "venue_symbol").with_row_index("instrument").drop("base")
    return frame.join(numbers, on=["venue", "venue_symbol"]).drop("venue", "venue_symbol", "base")


def test_rows_may_come_with_the_numbers_of_their_instruments() -> None:
    frame = funding_frame(ROWS)
    facts = frame.select("venue", "venue_symbol", "base").unique()
    named = FundingDataProvider.from_frames(frame, facts)
    data = FundingDataProvider.from_frames(by_number(frame, facts), facts)
    assert data.fingerprint == named.fingerprint
    with pytest.raises(DataError, match="instrument has what is no row of 2"):
        FundingDataProvider.from_frames(by_number(frame, facts), facts.sort("venue").head(2))


def test_one_venue_alone_has_no_spread() -> None:
    alone = provider_of(*ROWS[:2])
    with pytest.raises(NoOverlapError, match="no two venues have 'BTC' on one asset"):
        alone.get_best_spread(at(8), "BTC")
    with pytest.raises(NoOverlapError, match="no asset has settlements on two venues"):
        alone.require_pairs()
    apart = provider_of(settlement("a", 0, 1e-4, 8.0), settlement("b", 8, 1e-4, 8.0))
    with pytest.raises(NoOverlapError):
        apart.require_pairs()


def test_prices_are_per_canonical_base() -> None:
    facts = pl.DataFrame(
        {"venue": ["a"], "venue_symbol": ["BTC-PERP"], "base": ["BTC"], "multiplier": [1000.0]}
    )
    data = provider_of(ROWS[0], instruments=facts, prices=price_frame([("a", 1.0, 200.0)]))
    assert data.panel.prices.price.tolist() == [0.1, 0.2]
    assert data.panel.settlements.price.tolist() == [0.1]


def frame_with(**changes: Any) -> pl.DataFrame:
    return funding_frame(ROWS).with_columns(**changes)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (funding_frame([*ROWS, ROWS[0]]), r"a BTC-PERP at 2025-03-01 .* twice"),
        (frame_with(funding_rate=pl.lit(float("nan"))), "funding_rate is no number"),
        (frame_with(funding_rate=pl.lit(None, pl.Float64)), "funding_rate is no number"),
        (frame_with(interval_hours=pl.lit(0.0)), "interval_hours is not positive"),
        (frame_with(mark_price=pl.lit(-1.0)), "a price is not a positive number"),
        (funding_frame(ROWS).drop("funding_rate"), "no column funding_rate"),
        (frame_with(funding_time=pl.lit("yesterday")), "funding_rates.funding_time is String"),
    ],
    ids=["twice", "NaN", "null", "no interval", "negative price", "no column", "no time"],
)
def test_what_is_wrong_with_a_frame_is_said(frame: pl.DataFrame, said: str) -> None:
    with pytest.raises(DataError, match=said):
        FundingDataProvider.from_frames(frame)


def test_rows_of_an_instrument_that_is_not_listed_are_refused() -> None:
    facts = pl.DataFrame({"venue": ["a"], "venue_symbol": ["BTC-PERP"], "base": ["BTC"]})
    with pytest.raises(DataError, match="funding_rates has b BTC-PERP"):
        provider_of(*ROWS, instruments=facts)


def test_the_fingerprint_sees_every_number() -> None:
    one = provider_of(*ROWS).fingerprint
    assert one == provider_of(*reversed(ROWS)).fingerprint
    assert one != FundingDataProvider.from_frames(frame_with(mark_price=pl.lit(99.0))).fingerprint


def test_a_run_holds_on_to_no_data() -> None:
    data = provider_of(*ROWS)
    seen = weakref.ref(data)
    result = run_backtest(config(8), data, Told({0.0: (("a", "BTC-PERP"), ("b", "BTC-PERP"))}))
    del data
    assert seen() is None
    assert result.equity.height == 9
