"""The intervals of settlements: stated, inferred from what came before, or named as unknown."""

import polars as pl
import pytest

from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.errors import DataError
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform_tests.backtest.data.given import FUNDING, ROWS, but_for_row, changed, take
from funding_platform_tests.backtest.markets import HOUR, START, config, funding_frame, settlement


@pytest.mark.parametrize("hours", [float("nan"), float("inf"), -1.0, 0.0])
def test_an_interval_is_a_positive_number(hours: float) -> None:
    with pytest.raises(DataError, match=r"b BTC-PERP at .*interval_hours is not positive"):
        take(**changed("funding_rates", interval_hours=but_for_row(50, "interval_hours", hours)))


def intervals(data: FundingDataProvider, venue: str) -> list[float | None]:
    number = data.instruments["venue"].to_list().index(venue)
    return data.funding_rates.filter(instrument=number)["interval_hours"].to_list()


@pytest.mark.parametrize("there", [True, False])
def test_intervals_that_are_missing_come_from_the_settlement_before(there: bool) -> None:
    none = FUNDING.with_columns(interval_hours=pl.lit(None, pl.Float64))
    data = take(funding_rates=none if there else none.drop("interval_hours"))
    assert intervals(data, "a") == [None, *[1.0] * 48]
    assert intervals(data, "b") == [None, *[8.0] * 6]
    said = "the interval of 54 settlements was inferred from the settlement before"
    assert data.notes == (f"{said} (a BTC-PERP, b BTC-PERP)",)
    strategy = CrossVenueCarry(horizon_hours=48, entry_threshold=1e-4)
    assert run_backtest(config(48, strategy=strategy), data).trades.height > 0


def test_only_intervals_that_are_missing_are_inferred_and_the_frame_is_left_alone() -> None:
    given = FUNDING.with_columns(interval_hours=but_for_row(50, "interval_hours", None))
    before = given.clone()
    data = take(funding_rates=given)
    assert given.equals(before)
    assert data.fingerprint == take().fingerprint
    assert data.funding_rates.filter("interval_inferred")["funding_time"].to_list() == [
        START + 8 * HOUR
    ]
    assert data.notes == (
        "the interval of 1 settlements was inferred from the settlement before (b BTC-PERP)",
    )


def test_an_interval_is_inferred_from_what_came_before_only() -> None:
    hours = [0, 8, 16.01, 40, 48, 52, 52.2]
    rows = [settlement("a", hour, 1e-4, None, 100.0) for hour in hours]
    for count in range(1, len(rows) + 1):
        data = FundingDataProvider.from_frames(funding_frame(rows[:count]))
        known = [None, 8.0, 8.0, None, 8.0, 4.0, None]  # after 24 h there is a hole
        assert intervals(data, "a") == known[:count]


def test_an_instrument_without_any_interval_is_named() -> None:
    daily = [settlement("a", hour, 1e-4, None, 100.0) for hour in (0, 24, 48)]
    data = FundingDataProvider.from_frames(funding_frame([*daily, *ROWS[49:]]))
    assert data.notes == (
        "no interval is known of 1 instruments, whose rates compare with none (a BTC-PERP)",
    )
