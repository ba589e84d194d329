"""What a window of the data keeps: nothing that comes later, and all that was known before."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.errors import DataError
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.flows.backtests.sharing import shared
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform_tests.backtest.data.given import FUNDING, PAIR, changed, take
from funding_platform_tests.backtest.markets import (
    FREE,
    HOUR,
    START,
    Told,
    config,
    drawn_market,
    funding_frame,
    settlement,
)
from funding_platform_tests.known import known


def test_notes_are_those_of_the_window_and_survive_sharing() -> None:
    given = FUNDING.with_columns(
        interval_hours=pl.when(pl.col("funding_time") > START + 8 * HOUR).then("interval_hours")
    )
    data = take(funding_rates=given)
    early, late = (
        data.load_data(START, START + 4 * HOUR),
        data.load_data(START + 9 * HOUR, START + 48 * HOUR),
    )
    assert early.notes[0].startswith("the interval of 4 settlements was inferred")
    assert "(a BTC-PERP)" in early.notes[0]
    assert late.notes == ()
    with shared(data) as opened:
        again = opened()
        assert again.notes == data.notes != ()
        assert again.load_data(START, START + 4 * HOUR).notes == early.notes


def test_a_settlement_of_the_window_is_paid_however_late_it_was_known() -> None:
    late = pl.col("funding_time") + pl.when(pl.col("venue") == "b").then(20 * HOUR).otherwise(HOUR)
    data = take(**changed("funding_rates", available_at=late))
    whole, cut = (
        run_backtest(config(hours, close_at_end=False), data, Told({2.0: PAIR}))
        for hours in (48, 30)
    )
    until = pl.col("time") < START + 30 * HOUR
    assert cut.equity.filter(until).equals(whole.equity.filter(until))
    paid = cut.ledger.filter(kind="settlement")["time"].to_list()
    assert paid.count(START + 24 * HOUR) == 2
    seen = data.load_data(START, START + 30 * HOUR).get_funding_rate(
        START + 30 * HOUR, "b", "BTC-PERP"
    )
    assert seen is not None
    assert seen.funding_time == START + 8 * HOUR


@pytest.mark.parametrize("seed", range(4))
def test_what_comes_after_a_cut_changes_no_equity_before_it(seed: int) -> None:
    market = drawn_market(seed).with_columns(
        available_at=pl.col("funding_time")
        + pl.duration(minutes=pl.col("funding_time").hash(seed) % 4 * 130)
    )
    data = FundingDataProvider.from_frames(market)
    strategy = CrossVenueCarry(horizon_hours=48, entry_threshold=1e-4)
    moment = 100 + 7 * seed
    whole, cut = (
        run_backtest(config(hours, strategy=strategy, close_at_end=False), data)
        for hours in (240, moment)
    )
    until = pl.col("time") < START + moment * HOUR
    assert cut.equity.filter(until).equals(whole.equity.filter(until))
    assert whole.equity.filter(until)["equity"].n_unique() > 3


def test_of_marks_that_became_known_together_the_newest_counts() -> None:
    rows = [settlement("a", hour, 1e-4, 8.0, 100.0 + hour) for hour in (0, 8, 16)]
    known = pl.Series([START + 20 * HOUR] * 2 + [START + 22 * HOUR], dtype=UTC_TIME)
    data = FundingDataProvider.from_frames(funding_frame(rows).with_columns(available_at=known))
    assert data.panel.prices.price.tolist() == [108.0, 116.0]


def test_a_window_keeps_the_newest_volume_before_it() -> None:
    def seen(venue: str, hour: float, volume: float) -> tuple[Any, ...]:
        return venue, "BTC-PERP", START + hour * HOUR, volume

    given = [
        seen("a", 0, 1.0), seen("a", 2, 2.0), seen("a", 11, 3.0), seen("a", 13, 4.0),
        seen("b", 1, 5.0), seen("b", 2, 6.0), seen("b", 10, 7.0), seen("b", 31, 8.0),
    ]  # fmt: skip
    names = ["venue", "venue_symbol", "observed_at", "volume_24h_usd"]
    frame = pl.DataFrame(given, schema=names, orient="row").cast({"observed_at": UTC_TIME})
    data = take(snapshots=frame)

    def volumes(begin: float, end: float, **chosen: Any) -> list[float]:
        narrow = data.load_data(START + begin * HOUR, START + end * HOUR, **chosen)
        found: list[float] = narrow.panel.volumes.volume_usd.tolist()
        return found

    assert volumes(10, 30) == [2.0, 3.0, 4.0, 7.0]
    assert volumes(12, 12.5) == [3.0]  # b has no settlement there
    assert volumes(8, 9, venues=["b"]) == [6.0]
    assert volumes(40, 48) == [4.0, 8.0]
    assert volumes(-1, 48) == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]


def test_depth_goes_by_the_last_volume_known_wherever_the_window_begins() -> None:
    slippage = {"half_spread_bps": 0.0, "impact": "depth"}
    setting = config(48, costs={**FREE, "slippage": slippage})
    late = setting.model_copy(update={"start": START + 30 * HOUR})
    whole, part = (run_backtest(one, take(), Told({32.0: PAIR})) for one in (setting, late))
    assert known(whole.trades["impact_usd"].min()) > 0
    assert part.trades["impact_usd"].to_list() == whole.trades["impact_usd"].to_list()


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (datetime(2025, 3, 1, 1), "has no zone"),
        ("2025-03-01", "'2025-03-01' is a str, not a time"),
        (START.date(), "is a date, not a time"),
        (None, "None is a NoneType, not a time"),
    ],
)
def test_times_that_are_asked_for_have_a_zone(time: Any, said: str) -> None:
    data = take()
    for ask in (
        lambda: data.get_funding_rate(time, "a", "BTC"),
        lambda: data.get_spread(time, "a", "b", "BTC"),
        lambda: data.get_best_spread(time, "BTC"),
        lambda: data.load_data(time, datetime(2025, 3, 2, tzinfo=UTC)),
        lambda: data.load_data(START - timedelta(days=1), time),
    ):
        with pytest.raises(DataError, match=said):
            ask()
