"""What counts as a settlement in a file: into a real lake."""

import math
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from funding_platform.flows.errors import (
    ImportConflictError,
    ImportRefusedError,
    MappingError,
    SamplesError,
)
from funding_platform.flows.importing.settlements import Known, require_settlements
from funding_platform.flows.importing.slots import with_slots
from funding_platform.settings import Settings
from funding_platform_tests.flows.importing.dumps import FIRST_MS, read_dump, table
from funding_platform_tests.flows.importing.samples import (
    START,
    TOLD,
    constant,
    file_of,
    imported,
    listed,
    ramp,
)
from funding_platform_tests.flows.importing.test_settlements import held

NOTHING = Known(
    pl.DataFrame(
        schema={"venue": pl.String, "venue_symbol": pl.String, "finest_hours": pl.Float64}
    ),
    pl.DataFrame(),
)


def checked(path: Path, venue: str, finest: float | None = None, **told: Any) -> None:
    """Look at a file's rows as an import does, with an interval that the lake would know."""
    rows = read_dump(path, {**TOLD, "venue": venue, "symbol": "S", **told})
    known = NOTHING
    if finest is not None:
        one = {"venue": [venue], "venue_symbol": ["S"], "finest_hours": [finest]}
        known = Known(pl.DataFrame(one), pl.DataFrame())
    numbered = rows.with_columns(
        pl.lit(0, dtype=pl.UInt32).alias("file"),
        pl.lit("kind" in told).alias("trusted"),
    )
    require_settlements(with_slots(numbered), [str(path)], known)


@pytest.mark.parametrize("rate", [ramp, constant])
@pytest.mark.parametrize("seconds", [1, 10, 30, 60, 300, 900, 1800])
def test_samples_within_the_hour_are_refused(
    tmp_path: Path, seconds: int, rate: Callable[[int], float]
) -> None:
    path = file_of(tmp_path, timedelta(seconds=seconds), 300, rate)
    with pytest.raises(SamplesError, match=r"(?s)rates.csv, line \d+: .*core.market_snapshots"):
        checked(path, "hyperliquid", 1.0, kind="settlements")


def test_a_few_samples_are_not_one_settlement(tmp_path: Path, lake: Settings) -> None:
    path = file_of(tmp_path, timedelta(seconds=15), 4, constant)
    with pytest.raises(SamplesError, match="several stamps within a minute"):
        imported(path, lake)
    assert held(lake).is_empty()


def held_for_eight_hours(n: int) -> float:
    return 1e-4 * (1 + n // 8 % 5)


def running_for_eight_hours(n: int) -> float:
    return 1e-4 * math.sin(n // 8) + 1e-6 * (n % 8)


@pytest.mark.parametrize("rate", [held_for_eight_hours, running_for_eight_hours, constant])
def test_hourly_samples_of_a_longer_interval(tmp_path: Path, rate: Callable[[int], float]) -> None:
    path = file_of(tmp_path, timedelta(hours=1), 72, rate)
    with pytest.raises(SamplesError, match=r"(?s)samples.*kind=settlements"):
        checked(path, "binance")  # nothing is known of the venue
    with pytest.raises(SamplesError, match=r"settle S every 8 hours|settled rates, held"):
        checked(path, "binance", 8.0)
    checked(path, "binance", 8.0, kind="settlements")


def test_held_rates_are_seen_even_of_a_venue_that_settles_hourly(tmp_path: Path) -> None:
    path = file_of(tmp_path, timedelta(hours=1), 72, held_for_eight_hours)
    with pytest.raises(SamplesError, match="settled rates, held"):
        checked(path, "hyperliquid")


def test_hourly_settlements_are_taken_where_that_is_known(tmp_path: Path, lake: Settings) -> None:
    path = file_of(tmp_path, timedelta(hours=1), 72)
    checked(path, "hyperliquid")
    checked(path, "gate", interval_hours=1)
    with pytest.raises(SamplesError, match="nothing says that okx settles X-USDT-SWAP so often"):
        imported(path, lake, "okx", "X-USDT-SWAP")
    listed(lake, ("okx", "X-USDT-SWAP", "X", "USDT", "USDT", 1.0))
    assert imported(path, lake, "okx", "X-USDT-SWAP").rows == 72


def test_four_hourly_samples_of_what_settles_every_eight(tmp_path: Path, lake: Settings) -> None:
    path = file_of(tmp_path, timedelta(hours=4), 24)
    listed(lake, ("bybit", "BTCUSDT", "BTC", "USDT", "USDT", 8.0))
    with pytest.raises(SamplesError, match="only known to settle BTCUSDT every 8 hours"):
        imported(path, lake, "bybit")


def test_nothing_was_settled_between_two_settlements(tmp_path: Path, lake: Settings) -> None:
    eight = file_of(tmp_path, timedelta(hours=8), 9)
    imported(eight, lake, interval_hours=8)
    hourly = file_of(tmp_path, timedelta(hours=1), 3, lambda n: ramp(0), name="hourly.csv")
    with pytest.raises(SamplesError, match=r"line 3: .* between settlements that the lake holds"):
        imported(hourly, lake, kind="settlements", interval_hours=1)


def test_a_rolling_figure_is_named(tmp_path: Path) -> None:
    path = file_of(tmp_path, timedelta(hours=1), 24)
    with pytest.raises(SamplesError, match=r"line 3: .*23 rows for 8 hours .* rolling figure"):
        checked(path, "deribit", interval_hours=8)


def test_late_settlements_are_no_samples(tmp_path: Path) -> None:
    minutes = [0, 2, 0, 19, 0, 0, 1, 0, 0, 12, 0, 0, 0, 3]
    lines = [
        f"{(START + timedelta(hours=n, minutes=late)).timestamp():.0f},{ramp(n)}"
        for n, late in enumerate(minutes)
    ]
    path = table(tmp_path, "\n".join(["ts,rate", *lines, ""]))
    checked(path, "drift")


@pytest.mark.sampled(1)
@pytest.mark.parametrize("late", [timedelta(seconds=30), timedelta(milliseconds=6)])
def test_a_settlement_told_twice_is_named(tmp_path: Path, lake: Settings, late: timedelta) -> None:
    one = file_of(tmp_path, timedelta(hours=8), 3).read_text()
    two = file_of(tmp_path, timedelta(hours=8), 3, late=late).read_text()
    path = table(tmp_path, one + two.removeprefix("ts,rate\n"), "both.csv")
    report = imported(path, lake)
    assert report.rows == 3
    assert any(
        "3 rows tell a settlement again, the first in line 5" in note for note in report.notes
    )
    other = table(tmp_path, one + two.removeprefix("ts,rate\n").replace("0.0001\n", "0.0002\n"))
    with pytest.raises(ImportConflictError, match=r"data.csv line 5: .* in .*data.csv line 2"):
        imported(other, Settings(data_dir=tmp_path / "fresh"))


def test_each_stamp_is_rounded_on_its_own(tmp_path: Path) -> None:
    stamps = [START + timedelta(seconds=40), START + timedelta(seconds=95)]
    lines = [f"{stamp.timestamp():.0f},0.0001" for stamp in stamps]
    path = table(tmp_path, "\n".join(["ts,rate", *lines, ""]))
    with pytest.raises(SamplesError, match=r"line 3: .* comes 95 seconds after"):
        checked(path, "binance")


def test_negative_zeros_are_zeros(tmp_path: Path, lake: Settings) -> None:
    lines = [f"{START.timestamp() + n * 28_800:.0f},-0.00000000" for n in range(2)]
    imported(table(tmp_path, "\n".join(["ts,rate", *lines, ""])), lake)
    assert [str(rate) for rate in held(lake, "funding_rate")["funding_rate"]] == ["0.0", "0.0"]


@pytest.mark.parametrize(
    ("venue", "kind", "why", "way"),
    [
        ("grvt", MappingError, "by the version of ccxt", "--map rate_unit=percent"),
        ("ccxt:grvt", MappingError, "by the version of ccxt", "--map rate_unit=percent"),
        ("deribit", SamplesError, "the sum of the last eight", "funding backfill deribit"),
        ("paradex", SamplesError, "several a minute", "funding backfill paradex"),
        ("ccxt:paradex", SamplesError, "several a minute", "funding backfill paradex"),
    ],
)
@pytest.mark.parametrize("by_column", [False, True])
def test_what_ccxt_does_not_hand_on_as_it_was_settled_is_refused(
    tmp_path: Path, venue: str, kind: type[ImportRefusedError], why: str, way: str, by_column: bool
) -> None:
    rows = f"symbol,fundingRate,timestamp,exchange\nBTC/USD:BTC,0.0001,{FIRST_MS},{venue}\n"
    told = {"venue_column": "exchange"} if by_column else {"venue": venue, "ignore": "exchange"}
    with pytest.raises(kind, match=why) as refused:
        read_dump(table(tmp_path, rows), told)
    assert way in str(refused.value.hint)
