"""Live strips and their factors, beside what ``curves`` makes of the same inputs."""

import random
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.features.curves import BUCKETS, CURVE_KEY
from funding_platform.core.time_grid import HOUR, Window, to_ms
from funding_platform.core.units import apy
from funding_platform.curves import build_curves, curve_factors
from funding_platform.curves.strips import Emission
from funding_platform.live.board.board import Board
from funding_platform.live.strip import LiveEmission, LiveStrips, live_factors
from funding_platform.venues.streams.updates import MarketUpdate
from funding_platform_tests.dbt.market import Row, frame_of
from funding_platform_tests.live.markets import SAID, update_of

START = datetime(2025, 3, 10, 0, tzinfo=UTC)
END = START + 20 * HOUR
INTERVALS = {"BTC": 8.0, "ETH": 1.0, "SOL": 4.0, "DOGE": 24.0, "NEW": 8.0}
"""``NEW`` has no history; ``SOL`` settles off the common grid once."""


def history() -> pl.DataFrame:
    """Thirty days of settlements before the start, with a hole here and there."""
    dice = random.Random(3)
    rows: list[Row] = []
    for symbol, interval in INTERVALS.items():
        count = 0 if symbol == "NEW" else int(30 * 24 / interval)
        for number in range(count):
            if dice.random() < 0.05:
                continue
            due = START - number * interval * HOUR
            rows.append(
                {
                    "venue": "binance",
                    "venue_symbol": symbol,
                    "funding_time": due,
                    "funding_rate": dice.gauss(1e-4, 5e-5) * interval / 8,
                    "interval_hours": interval,
                    "interval_inferred": False,
                    "venue_time": due,
                    "observed_at": due,
                }
            )
    rows.append(rows[0] | {"funding_time": START - 4 * HOUR, "venue_time": START - 4 * HOUR})
    return frame_of(FUNDING_RATES, rows)


def settled_until(time: datetime) -> pl.DataFrame:
    """The history, with what settled at the two rolls after the start."""
    later = [
        {
            "venue": "binance",
            "venue_symbol": symbol,
            "funding_time": START + 8 * number * HOUR,
            "funding_rate": 3e-4,
            "interval_hours": 8.0,
            "interval_inferred": False,
            "venue_time": START,
            "observed_at": START,
        }
        for symbol in ("BTC", "NEW")
        for number in (1, 2)
    ]
    return pl.concat([history(), frame_of(FUNDING_RATES, later)]).filter(
        pl.col("funding_time") <= time
    )


def predictions() -> list[Row]:
    """What is observed from the start to the end, now and then, in the order of time."""
    dice = random.Random(4)
    rows: list[Row] = []
    for symbol, interval in INTERVALS.items():
        at = START
        while (at := at + timedelta(seconds=dice.randrange(60, 4_000))) < END:
            step = timedelta(hours=interval)
            due = START + ((at - START) // step + 1) * step
            rows.append(
                {
                    **dict.fromkeys(SAID),
                    "venue": "binance",
                    "venue_symbol": symbol,
                    "snapshot_hour": at,
                    "predicted_rate": dice.choice([None, *[dice.gauss(0, 3e-4)] * 9]),
                    "interval_hours": interval,
                    "next_funding_time": dice.choice([due, due, None]),
                    "mark_price": dice.uniform(99, 101),
                    "index_price": 100.0,
                    "open_interest_base": dice.uniform(1, 2),
                    "observed_at": at,
                }
            )
    return sorted(rows, key=lambda row: row["observed_at"])


def emitted(emission: LiveEmission, *, looked: timedelta | None = None) -> pl.DataFrame:
    """The strips of a board that is told one prediction after another, looked at after each."""
    board = Board()
    strips = LiveStrips(settled_until(START), emission)
    frames, rolls, told = [], [START + 8 * HOUR, START + 16 * HOUR], predictions()
    now = START
    strips.observe(board.view(), now)
    while now < END:
        now = told[0]["observed_at"] if looked is None else now + looked
        while rolls and rolls[0] <= now:
            strips.take(settled_until(rolls.pop(0)))
        while told and told[0]["observed_at"] <= now:
            row = told.pop(0)
            board.apply("binance", row["observed_at"], [update_of(row)])
        frames.append(strips.observe(board.view(), now))
        if not told and looked is None:
            break
    return pl.concat(frames).filter(pl.col("as_of") < END).sort(CURVE_KEY)


def expected(emission: Emission) -> pl.DataFrame:
    return build_curves(
        settled_until(END),
        Window(START - 8 * HOUR, END),
        predictions=frame_of(MARKET_SNAPSHOTS, predictions()),
        emission=emission,
    ).filter(pl.col("kind") == "live")


@pytest.mark.sampled(1)
@pytest.mark.parametrize(("emission", "of_curves"), [("update", "collection"), ("roll", "roll")])
def test_strips_of_predictions_are_those_of_curves(
    emission: LiveEmission, of_curves: Emission
) -> None:
    found, wanted = emitted(emission), expected(of_curves)
    assert found.height > 10
    assert found["n_interpolated"].sum() > 0
    assert_frame_equal(found, wanted, check_exact=True)


@pytest.mark.world
@pytest.mark.parametrize("looked", [timedelta(seconds=60), timedelta(seconds=97)])
def test_strips_on_the_ten_minute_grid_are_those_of_curves(looked: timedelta) -> None:
    found, wanted = emitted("grid", looked=looked), expected("grid")
    assert found.height > 100
    assert_frame_equal(found, wanted.filter(pl.col("as_of") > START), check_exact=True)


@pytest.mark.world
def test_strips_by_the_minute_stand_at_full_minutes() -> None:
    found = emitted("minute", looked=timedelta(seconds=60))
    ten = found.filter(pl.col("as_of").dt.minute() % 10 == 0)
    assert (found["as_of"].dt.second() == 0).all()
    assert found.height > 9 * ten.height
    assert_frame_equal(ten, expected("grid").filter(pl.col("as_of") > START), check_exact=True)


def test_the_first_prediction_makes_a_whole_strip() -> None:
    board, strips = Board(), LiveStrips(history(), "update")
    at = START + HOUR
    update = MarketUpdate(
        venue_symbol="ETH",
        predicted_rate=2e-4,
        interval_hours=1.0,
        next_funding_ms=to_ms(START + 2 * HOUR),
    )
    board.apply("binance", at, [update])
    (strip,) = strips.observe(board.view(), at).rows(named=True)
    assert strip["as_of"] == at
    assert strip["b0"] == pytest.approx(apy(16e-4), rel=1e-12)
    assert None not in [strip[name] for name in BUCKETS]


def test_what_is_said_again_emits_nothing() -> None:
    board, strips = Board(), LiveStrips(history(), "update")
    update = MarketUpdate(venue_symbol="BTC", predicted_rate=2e-4, interval_hours=8.0)
    board.apply("binance", START, [update])
    assert strips.observe(board.view(), START).height == 1
    later = START + timedelta(minutes=5)
    board.apply("binance", later, [update])
    assert strips.observe(board.view(), later).is_empty()


def test_factors_are_those_of_curves() -> None:
    live = emitted("roll")
    settled = build_curves(settled_until(END), Window(START - 30 * 24 * HOUR, END))
    listed = frame_of(
        INSTRUMENTS,
        [{"venue": "binance", "venue_symbol": name, "base": "X"} for name in INTERVALS],
    )
    snapshots = frame_of(MARKET_SNAPSHOTS, predictions())
    found = live_factors(live, settled, instruments=listed, snapshots=snapshots)
    both = curve_factors(pl.concat([settled, live]), instruments=listed, snapshots=snapshots)
    assert found.height == live.height
    assert found["level_z"].count() > 0
    assert found["basis"].count() > 0
    assert_frame_equal(found, both.filter(pl.col("kind") == "live"), check_exact=True)
