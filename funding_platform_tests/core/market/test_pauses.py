"""A pause is what all instruments of a class share, wherever it lies; nothing else is one."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from funding_platform.core.completeness import missing_between
from funding_platform.core.market.pauses import without_pauses
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import HOUR

FRIDAY = datetime(2025, 3, 7, tzinfo=UTC)
PAUSED = range(22, 70)
"""Hours after ``FRIDAY``: from its evening to Sunday's."""


def hourly(symbol: str, lost: range | tuple[int, ...] = (), step: int = 1) -> pl.DataFrame:
    hours = [hour for hour in range(0, 120, step) if hour not in lost]
    return pl.DataFrame(
        {
            "venue": "v",
            "venue_symbol": symbol,
            "funding_time": [FRIDAY + hour * HOUR + timedelta(seconds=7) for hour in hours],
            "interval_hours": float(step),
        },
        schema_overrides={"funding_time": UTC_TIME},
    )


def classes(**of: str | None) -> pl.DataFrame:
    return pl.DataFrame(
        {"venue": "v", "venue_symbol": list(of), "asset_class": list(of.values())},
        schema_overrides={"asset_class": pl.String},
    )


def missing(rows: list[pl.DataFrame], of: pl.DataFrame) -> dict[str, int]:
    settlements = pl.concat(rows)
    found = without_pauses(missing_between(settlements), settlements, of)
    return dict(found.group_by("venue_symbol").len().sort("venue_symbol").iter_rows())


def test_a_weekend_that_all_shares_share_is_no_gap() -> None:
    rows = [hourly("AAPL", PAUSED), hourly("TSLA", PAUSED, step=8), hourly("BTC")]
    of = classes(AAPL="equity", TSLA="equity", BTC="crypto")
    assert missing(rows, of) == {}


def test_one_that_settles_shows_that_there_is_no_pause() -> None:
    rows = [hourly("AAPL", PAUSED), hourly("TSLA", PAUSED), hourly("NVDA")]
    of = classes(AAPL="equity", TSLA="equity", NVDA="equity")
    assert missing(rows, of) == {"AAPL": 48, "TSLA": 48}


def test_another_class_has_its_own_pauses() -> None:
    rows = [hourly("AAPL", PAUSED), hourly("TSLA", PAUSED), hourly("XAU", PAUSED), hourly("XAG")]
    of = classes(AAPL="equity", TSLA="equity", XAU="metal", XAG="metal")
    assert missing(rows, of) == {"XAU": 48}


@pytest.mark.parametrize("asset_class", ["crypto", "other", None])
def test_coins_and_what_nobody_knows_have_no_pauses(asset_class: str | None) -> None:
    rows = [hourly("A", PAUSED), hourly("B", PAUSED)]
    assert missing(rows, classes(A=asset_class, B=asset_class)) == {"A": 48, "B": 48}


def test_one_instrument_alone_tells_nothing() -> None:
    assert missing([hourly("AAPL", PAUSED)], classes(AAPL="equity")) == {"AAPL": 48}


def test_what_is_lost_outside_a_pause_stays_missing() -> None:
    rows = [hourly("AAPL", (*PAUSED, 5)), hourly("TSLA", (*PAUSED, 100))]
    assert missing(rows, classes(AAPL="equity", TSLA="equity")) == {"AAPL": 1, "TSLA": 1}
