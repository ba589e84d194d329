"""What must hold for any history."""

from datetime import timedelta
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from funding_platform.core.intervals import infer_intervals
from funding_platform.core.tables.features.curves import BUCKETS, CURVE_SNAPSHOTS
from funding_platform.core.time_grid import HOUR, Window
from funding_platform.core.units import apy
from funding_platform.curves import LOOK_BACK, build_curves
from funding_platform_tests.curves.frames import YEARS, Print, at, predictions, settlements
from funding_platform_tests.curves.reference import slow_curves

RATES = st.floats(-0.002, 0.002)
STEPS = st.tuples(
    st.sampled_from([0.25, 1, 1, 1, 2, 2, 4, 4, 8, 8, 8, 8, 12, 24, 70, 200]),
    RATES,
    st.sampled_from([None, 1.0, 2.0, 4.0, 8.0, 8.0, 24.0]),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Print]:
    """Settlements with holes, on any phase, late or not, that change their interval at will."""
    hour = float(draw(st.integers(0, 24)))
    prints: list[Print] = []
    for gap, rate, interval in draw(st.lists(STEPS, min_size=1, max_size=40)):
        late = draw(st.sampled_from([0, 0, 0, 1 / 3600, 0.4]))
        prints.append((hour + late, rate, interval))
        hour += gap + (late if gap < 1 else 0)
    return prints


@st.composite
def forecasts(draw: st.DrawFn) -> pl.DataFrame:
    """A predicted rate at each of some hours."""
    hours = draw(st.lists(st.integers(0, 400), unique=True, max_size=30))
    return predictions([(hour + 0.1, draw(RATES), 8.0, hour + 1.0) for hour in hours])


@settings(deadline=None)
@given(histories())
def test_agrees_with_the_slow_builder(prints: list[Print]) -> None:
    frame = settlements(prints)
    rows = [
        {"venue": "v", "venue_symbol": "S", "kind": "settled", **strip}
        for strip in slow_curves(
            frame.select("funding_time", "funding_rate", "interval_hours").rows()
        )
    ]
    expected = pl.DataFrame(rows, schema=CURVE_SNAPSHOTS.polars_schema)
    assert_frame_equal(build_curves(frame, YEARS), expected, rel_tol=1e-12, abs_tol=1e-12)


@settings(deadline=None)
@given(histories(), forecasts(), st.floats(-10, 500))
def test_a_window_split_anywhere_gives_the_same_rows(
    prints: list[Print], forecast: pl.DataFrame, cut: float
) -> None:
    """Each part is handed no more than it asks for."""
    frame = settlements(prints)
    parts = [
        build_curves(
            frame.filter(
                pl.col("funding_time").is_between(part.start - LOOK_BACK, part.end + HOUR / 2)
            ),
            part,
            predictions=forecast.filter(
                pl.col("observed_at").is_between(part.start, part.end + 8 * HOUR)
            ),
        )
        for part in (Window(YEARS.start, at(cut)), Window(at(cut), YEARS.end))
    ]
    whole = build_curves(frame, YEARS, predictions=forecast)
    assert pl.concat(parts).sort(CURVE_SNAPSHOTS.key).equals(whole)


@settings(deadline=None)
@given(histories(), forecasts(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    prints: list[Print], forecast: pl.DataFrame, random: Random
) -> None:
    frame = pl.concat([settlements(prints, symbol) for symbol in ("A", "S")])
    shuffled = [random.sample(range(len(rows)), len(rows)) for rows in (frame, forecast)]
    assert build_curves(frame[shuffled[0]], YEARS, predictions=forecast[shuffled[1]]).equals(
        build_curves(frame, YEARS, predictions=forecast)
    )


@settings(deadline=None)
@given(histories(), histories(), st.integers(0, 300))
def test_the_future_has_no_say(past: list[Print], other: list[Print], now: int) -> None:
    """With everything due after ``now`` replaced, strips seen from ``now`` or earlier stay."""
    until = now + 0.5
    kept = [row for row in past if row[0] < until]
    changed = [(until + hours, rate, interval) for hours, rate, interval in other]
    seen = Window(YEARS.start, at(now) + timedelta(microseconds=1))
    assert build_curves(settlements(kept + changed), seen).equals(
        build_curves(settlements(past), seen)
    )


@settings(deadline=None)
@given(histories(), histories(), st.integers(0, 300))
def test_the_future_has_no_say_in_unstated_intervals(
    past: list[Print], other: list[Print], now: int
) -> None:
    """Intervals are inferred of each history as a whole: what comes after ``now`` is in it."""
    until = now + 0.5
    changed = [row for row in past if row[0] < until]
    changed += [(until + hours, rate, interval) for hours, rate, interval in other]
    seen = Window(YEARS.start, at(now) + timedelta(microseconds=1))
    one, another = (
        build_curves(infer_intervals(settlements(rows).unique("funding_time")), seen)
        for rows in (past, changed)
    )
    assert one.equals(another)


@pytest.mark.parametrize("next_after", [1, 4, 8])
def test_the_newest_bucket_does_not_depend_on_the_next_settlement(next_after: int) -> None:
    """After a hole nothing before tells the interval: the window is missing, whatever comes."""
    hours = [8.0 * k for k in range(20)] + [184.0 + next_after * k for k in range(4)]
    rows = infer_intervals(settlements([(hour, 1e-4, None) for hour in hours]))
    (curve,) = build_curves(rows, Window(at(184), at(185))).filter(as_of=at(184)).to_dicts()
    assert curve["b0"] is None


@settings(deadline=None)
@given(histories(), forecasts())
def test_nothing_is_available_before_it_was_made(
    prints: list[Print], forecast: pl.DataFrame
) -> None:
    curves = build_curves(settlements(prints), YEARS, predictions=forecast)
    late = curves["available_at"] - curves["as_of"]
    settled = curves["kind"] == "settled"
    assert (late >= timedelta(0)).all()
    assert (late.filter(settled) <= HOUR / 2).all()
    assert (late.filter(~settled) < 8 * HOUR).all()


@settings(deadline=None)
@given(RATES, st.sampled_from([1, 2, 4, 8]))
def test_a_constant_rate_is_its_sum(rate: float, interval: int) -> None:
    """``8 / interval`` settlements a window: an hourly rate r pays 8 r."""
    prints = [(float(hour), rate, float(interval)) for hour in range(interval, 65, interval)]
    last = build_curves(settlements(prints), Window(at(64), at(65)))
    expected = apy(rate * 8 / interval)
    for name in BUCKETS:
        assert last[name].item() == pytest.approx(expected, rel=1e-9, abs=1e-12)
