"""What the curves refuse, and what they take in any shape."""

import math
import subprocess
import sys
from datetime import datetime
from typing import Any

import polars as pl
import pytest

from funding_platform import curves
from funding_platform.core.errors import FundingError
from funding_platform.curves import CurveError, build_curves, curve_factors
from funding_platform_tests.curves.frames import YEARS, Print, predictions, settlements, steady

PRINTS = steady(8, range(8, 100))


@pytest.mark.parametrize(
    ("bad", "value"),
    [
        ((20.5, math.nan, 8.0), "nan"),
        ((20.5, math.inf, 8.0), "inf"),
        ((20.5, -0.26, 8.0), "-0.26"),
        ((20.5, None, 8.0), "None"),
        ((20.5, 1e-4, 0.0), "0.0 h"),
        ((20.5, 1e-4, math.nan), "nan h"),
        ((20.5, 1e-4, 25.0), "25.0 h"),
    ],
)
def test_a_bad_settlement_is_named(bad: Print, value: str) -> None:
    with pytest.raises(CurveError, match="v S at 2025-01-01 20:30:00 UTC") as caught:
        build_curves(settlements([*PRINTS, bad]), YEARS)
    assert value in caught.value.message
    assert caught.value.hint
    assert isinstance(caught.value, FundingError)


@pytest.mark.parametrize("rate", [math.nan, -math.inf, 0.3])
def test_a_bad_prediction_is_named(rate: float) -> None:
    rows = predictions([(20.5, rate, 8.0, 24.0)])
    with pytest.raises(CurveError, match="v S at 2025-01-01 20:30:00 UTC: predicted_rate"):
        build_curves(settlements(PRINTS), YEARS, predictions=rows)


@pytest.mark.parametrize("rate", [0.12, -0.13])
def test_rates_that_no_year_compounds(rate: float) -> None:
    hourly = [(float(hour), rate, 1.0) for hour in range(1, 9)]
    with pytest.raises(CurveError, match="v S: the rates of the eight hours to 2025-01-01 08:00"):
        build_curves(settlements(hourly), YEARS)


def test_a_part_of_history_begins_at_a_time_with_a_zone() -> None:
    curves = build_curves(settlements(PRINTS), YEARS)
    with pytest.raises(CurveError, match="since is 2025-01-01 00:00:00, without a zone") as caught:
        curve_factors(curves, since=datetime(2025, 1, 1))
    assert caught.value.hint


def test_repeated_rows_count_once() -> None:
    once = build_curves(settlements(PRINTS), YEARS)
    assert build_curves(settlements(PRINTS + PRINTS[::2]), YEARS).equals(once)
    unknown: list[Print] = [(1.0, 1e-4, None), (2.0, 1e-4, 8.0)]
    assert build_curves(settlements(unknown * 3), YEARS).equals(
        build_curves(settlements(unknown), YEARS)
    )


@pytest.mark.parametrize("other", [(8.0, 9e-4, 8.0), (8.0, 1e-5, 4.0), (8.0, 1e-5, None)])
def test_rows_that_contradict_each_other(other: Print) -> None:
    with pytest.raises(CurveError, match=r"v S has two different .* 2025-01-01 08:00:00 UTC"):
        build_curves(settlements([*PRINTS, other]), YEARS)


def test_further_columns_do_not_matter() -> None:
    frame = settlements(PRINTS)
    wide = frame.with_columns(mark_price=pl.lit(1.0), observed_at=pl.col("funding_time"))
    assert build_curves(wide, YEARS).equals(build_curves(frame, YEARS))


def test_importing_the_package_loads_nothing() -> None:
    code = (
        "import sys, funding_platform.curves as c; assert 'polars' not in sys.modules; "
        "c.LOOK_BACK; assert 'polars' in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'rolling'"):
        _ = curves.rolling


@pytest.mark.parametrize("library", ["pandas", "arrow"])
def test_frames_of_other_libraries_give_the_same_curves_and_factors(library: str) -> None:
    def given(frame: pl.DataFrame) -> Any:
        return frame.to_pandas() if library == "pandas" else frame.to_arrow()

    settled = pl.concat(
        [settlements(steady(8, range(8, 800)), venue=venue) for venue in ("a", "b")]
    )
    seen = predictions([(700.1, 1e-4, 8.0, 704.0)]).with_columns(venue=pl.lit("a"))
    listed = pl.DataFrame({"venue": ["a", "b"], "venue_symbol": "S", "base": "BTC"})
    ours = build_curves(settled, YEARS, predictions=seen)
    assert build_curves(given(settled), YEARS, predictions=given(seen)).equals(ours)
    factors = curve_factors(ours, instruments=listed)
    assert factors["dispersion"].drop_nulls().len() > 0
    assert curve_factors(given(ours), instruments=given(listed)).equals(factors)


def test_a_coin_and_a_share_of_one_name_have_no_dispersion() -> None:
    settled = pl.concat(
        [settlements(steady(8, range(8, 800)), venue=venue) for venue in ("a", "b")]
    )
    curves = build_curves(settled, YEARS)
    listed = pl.DataFrame(
        {"venue": ["a", "b"], "venue_symbol": "S", "base": "META", "asset_class": ["equity", None]}
    )
    assert curve_factors(curves, instruments=listed)["dispersion"].null_count() == curves.height
