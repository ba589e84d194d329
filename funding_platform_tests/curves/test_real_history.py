"""Every real history at hand, against the slow builder."""

from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from funding_platform.core.intervals import as_known_in_time, infer_intervals
from funding_platform.core.tables.features.curves import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import EPOCH, HOUR, Window
from funding_platform.curves import build_curves, curve_factors
from funding_platform_tests.curves.reference import slow_curves
from funding_platform_tests.curves.slow_factors import slow_factors
from funding_platform_tests.known import known

LATEST = 3_000
AROUND = 100
ALWAYS = Window(EPOCH, EPOCH + 24 * 365 * 100 * HOUR)


def history(file: Path) -> pl.DataFrame:
    """The last rows, and those around the first dozen changes of interval, of one file."""
    raw = pl.read_csv(
        file,
        columns=["funding_time_ms", "funding_rate", "interval_hours"],
        schema_overrides={"funding_rate": pl.Float64, "interval_hours": pl.Float64},
    )
    frame = infer_intervals(
        raw.select(
            pl.lit(file.parent.name).alias("venue"),
            pl.lit(file.name.removesuffix(".gz").removesuffix(".csv")).alias("venue_symbol"),
            pl.from_epoch("funding_time_ms", "ms").cast(UTC_TIME).alias("funding_time"),
            "funding_rate",
            "interval_hours",
        )
    )
    row = pl.int_range(frame.height)
    keep = row >= frame.height - LATEST
    intervals = frame["interval_hours"].to_list()
    changes = [n for n, (a, b) in enumerate(pairwise(intervals)) if a != b]
    for change in changes[:12]:
        keep |= row.is_between(change - AROUND, change + AROUND)
    return frame.filter(keep)


def slowly(frame: pl.DataFrame) -> pl.DataFrame:
    """The same table from the slow builder."""
    rows = [
        {"venue": venue, "venue_symbol": symbol, "kind": "settled", **strip}
        for (venue, symbol), part in frame.group_by("venue", "venue_symbol")
        for strip in slow_curves(
            as_known_in_time(part)
            .sort("funding_time")
            .select("funding_time", "funding_rate", "interval_hours")
            .rows()
        )
    ]
    return pl.DataFrame(rows, schema=CURVE_SNAPSHOTS.polars_schema).sort(CURVE_SNAPSHOTS.key)


@pytest.mark.world
def test_every_history_agrees_with_the_slow_builder(shared_dir: Path) -> None:
    files = sorted((shared_dir / "data" / "funding").glob("*/*.csv*"))
    frame = pl.concat([history(file) for file in files])
    curves = build_curves(frame.sample(fraction=1, shuffle=True, seed=8), ALWAYS)
    assert_frame_equal(curves, slowly(frame), rel_tol=1e-12, abs_tol=1e-12)
    assert curves.select("venue", "venue_symbol").n_unique() == len(files)
    assert curves["as_of"].dt.hour().n_unique() == 24
    assert (curves["n_interpolated"] > 2).any()
    assert curves["usable"].sum() > 90_000


@pytest.mark.world
def test_every_history_agrees_with_the_slow_factors(shared_dir: Path) -> None:
    """Coins by the letters that symbols begin with: good enough for a base here."""
    files = sorted((shared_dir / "data" / "funding").glob("*/*.csv*"))
    curves = build_curves(pl.concat([history(file) for file in files]), ALWAYS)
    instruments = curves.select("venue", "venue_symbol").unique()
    instruments = instruments.with_columns(pl.col("venue_symbol").str.head(3).alias("base"))
    bases = {(venue, symbol): base for venue, symbol, base in instruments.iter_rows()}
    factors = curve_factors(curves, instruments=instruments)
    expected = pl.DataFrame(
        slow_factors(curves.to_dicts(), bases), schema=CURVE_FACTORS.polars_schema
    )
    assert_frame_equal(factors, expected, rel_tol=1e-7, abs_tol=1e-8)
    counts = factors.select(pl.col(pl.Float64, pl.Int64).count())
    rare = ["basis", "open_interest_change", "half_life_hours"]
    assert counts.drop(rare).min_horizontal().item() > 20_000
    # Of 98,781 whole strips one in a hundred is no white noise and decays; 45,482 look like it.
    assert 900 < counts["half_life_hours"].item() < 1_300
    assert 0.002 < known(factors["outlier"].mean()) < 0.02


def test_months_built_apart_make_the_whole(shared_dir: Path) -> None:
    file = shared_dir / "data" / "funding" / "binance" / "SOLUSDT.csv"
    frame = history(file)
    whole = build_curves(frame, ALWAYS)
    bounds = Window(frame["funding_time"][0], whole["as_of"][-1] + HOUR)
    parts = [build_curves(frame, month) for month in bounds.months()]
    assert pl.concat(parts).equals(whole)
