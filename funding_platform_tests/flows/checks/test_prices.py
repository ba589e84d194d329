"""Candles that are not what they say are found: their form, their unit, their asset."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.core.tables.prices import PRICE_CANDLES
from funding_platform.core.time_grid import HOUR
from funding_platform.flows.checks.prices import (
    bars_sound,
    hours_fresh,
    marks_near_index,
    near_other_venues,
)
from funding_platform.lake.connection import connect
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
HOURS = 12


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def candles(venue: str, price: float, kind: str = "mark", **more: Any) -> pl.DataFrame:
    opened = [NOW - (number + 1) * HOUR for number in range(HOURS)]
    values: dict[str, Any] = {
        "venue": venue, "venue_symbol": "X", "kind": kind, "open": price, "high": price,
        "low": price, "close": price, "observed_at": NOW, **more,
    }  # fmt: skip
    frame = pl.DataFrame({"open_time": opened}).with_columns(
        (pl.col("open_time") + HOUR).alias("available_at"),
        *(pl.lit(value).alias(name) for name, value in values.items()),
    )
    return PRICE_CANDLES.conform(frame).cast(PRICE_CANDLES.polars_schema)


def instrument(
    venue: str, base: str = "X", multiplier: float = 1.0, asset_class: str | None = None
) -> pl.DataFrame:
    row = {
        "venue": venue, "venue_symbol": "X", "base": base, "quote": "USDT",
        "multiplier": multiplier, "contract_type": "linear", "status": "trading",
        "first_seen_at": NOW, "last_seen_at": NOW, "asset_class": asset_class,
    }  # fmt: skip
    return INSTRUMENTS.conform(pl.DataFrame([row])).cast(INSTRUMENTS.polars_schema)


def store(settings: Settings, bars: list[pl.DataFrame], instruments: list[pl.DataFrame]) -> None:
    with Lake(settings) as lake, lake.commit("run", "candles") as transaction:
        for frame in bars:
            transaction.append(PRICE_CANDLES, frame)
        for frame in instruments:
            transaction.append(INSTRUMENTS, frame)


@pytest.mark.parametrize(("index", "passed"), [(101.0, True), (0.1, False)])
def test_marks_lie_near_their_index(settings: Settings, index: float, passed: bool) -> None:
    store(settings, [candles("a", 100.0), candles("a", index, "index")], [])
    with connect(settings) as lake:
        answer = marks_near_index(lake, "a", NOW)
    assert answer.passed is passed
    assert answer.figures == {"instruments": 1, "apart": 0 if passed else 1}


@pytest.mark.parametrize(
    ("price", "multiplier", "passed"),
    [(1.0099, 1.0, True), (1000.0, 1000.0, True), (1.0101, 1.0, False), (3.0, 1.0, False)],
)
def test_one_base_has_one_price(
    settings: Settings, price: float, multiplier: float, passed: bool
) -> None:
    bars = [candles("a", price), candles("b", 1.0), candles("c", 1.0)]
    known = [instrument("a", multiplier=multiplier), instrument("b"), instrument("c")]
    store(settings, bars, known)
    with connect(settings) as lake:
        answer = near_other_venues(lake, "a", NOW)
    assert answer.passed is passed
    assert (f"X {price - 1:+.1%}" in answer.verdict) is not passed


def test_bars_that_cannot_be(settings: Settings) -> None:
    store(settings, [candles("a", 1.0, high=0.5), candles("b", 1.0)], [])
    with connect(settings) as lake:
        assert not bars_sound(lake, PRICE_CANDLES, "a", NOW).passed
        assert bars_sound(lake, PRICE_CANDLES, "b", NOW).passed


@pytest.mark.parametrize(("later", "passed"), [(1, True), (30, False)])
def test_the_newest_hour(settings: Settings, later: int, passed: bool) -> None:
    store(settings, [candles("a", 1.0)], [])
    with connect(settings) as lake:
        answer = hours_fresh(lake, PRICE_CANDLES, "a", NOW + timedelta(hours=later))
        assert answer.passed is passed
        assert not hours_fresh(lake, PRICE_CANDLES, "b", NOW).passed


def test_a_share_is_not_held_against_the_coin_of_its_ticker(settings: Settings) -> None:
    bars = [candles("a", 230.0), candles("b", 1.0), candles("c", 1.0)]
    known = [instrument("a", asset_class="equity"), instrument("b"), instrument("c")]
    store(settings, bars, known)
    with connect(settings) as lake:
        assert near_other_venues(lake, "a", NOW).figures == {"instruments": 0, "apart": 0}
        assert near_other_venues(lake, "b", NOW).figures == {"instruments": 1, "apart": 0}
