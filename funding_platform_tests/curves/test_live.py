"""Live strips: the running window at its predicted rate."""

from datetime import timedelta
from typing import get_args

import polars as pl
import pytest

from funding_platform.core.tables.features.curves import BUCKETS
from funding_platform.core.time_grid import Window
from funding_platform.core.units import apy
from funding_platform.curves import CurveError, build_curves
from funding_platform.curves.strips import Emission
from funding_platform_tests.curves.frames import YEARS, at, predictions, settlements, steady

SETTLED = steady(8, range(8, 73))
"""Windows to hour 72, at 1e-5 times their number."""


def live(rows: list[tuple[float, float | None, float | None, float | None]]) -> pl.DataFrame:
    curves = build_curves(settlements(SETTLED), YEARS, predictions=predictions(rows))
    return curves.filter(pl.col("kind") == "live")


def test_the_seam() -> None:
    """At hour 72 live, b1..b7 are the settled b0..b6; eight hours later b1..b7 have not moved."""
    frame = settlements([*SETTLED, (80.0, 5e-4, 8.0)])
    curves = build_curves(frame, YEARS, predictions=predictions([(72.5, 4e-4, 8.0, 80.0)]))
    now = curves.row(by_predicate=pl.col("kind") == "live", named=True)
    settled = {row["as_of"]: row for row in curves.filter(kind="settled").iter_rows(named=True)}
    assert (now["as_of"], now["available_at"]) == (at(72), at(72.5))
    assert now["b0"] == pytest.approx(apy(4e-4), rel=1e-12)
    assert [now[b] for b in BUCKETS[1:]] == [settled[at(72)][b] for b in BUCKETS[:-1]]
    assert [now[b] for b in BUCKETS[1:]] == [settled[at(80)][b] for b in BUCKETS[1:]]
    assert now["usable"]


def test_the_first_observation_of_the_running_window_counts() -> None:
    curves = live([(79.9, 3e-4, 8.0, 80.0), (72.0, 1e-4, 8.0, 80.0), (73.0, 2e-4, 8.0, 80.0)])
    assert curves["as_of"].to_list() == [at(72)]
    assert curves["available_at"].to_list() == [at(72)]
    assert curves["b0"].to_list() == pytest.approx([apy(1e-4)])


@pytest.mark.parametrize(
    ("case", "row"),
    [
        ("no prediction", (72.5, None, 8.0, 80.0)),
        ("interval unknown", (72.5, 1e-4, None, 80.0)),
        ("still speaks of the settled window", (72.01, 1e-4, 8.0, 72.0)),
        ("due late at the boundary itself", (72.01, 1e-4, 8.0, 72.02)),
    ],
)
def test_what_predicts_nothing(case: str, row: tuple[float, float, float, float]) -> None:
    assert live([row]).is_empty(), case
    later = live([row, (74.0, 2e-4, 8.0, 80.0)])
    assert later["available_at"].to_list() == [at(74)], case


@pytest.mark.parametrize(("interval", "due"), [(1.0, 73.0), (4.0, 76.0), (24.0, 96.0), (8.0, None)])
def test_the_prediction_is_scaled_to_the_tenor(interval: float, due: float | None) -> None:
    curves = live([(72.5, 1e-4, interval, due)])
    assert curves["b0"].to_list() == pytest.approx([apy(8e-4 / interval)])


def test_a_new_listing_has_only_its_prediction() -> None:
    curves = build_curves(
        settlements([]), YEARS, predictions=predictions([(72.5, 1e-4, 8.0, 80.0)])
    )
    row = curves.row(0, named=True)
    assert (row["kind"], row["as_of"], row["usable"]) == ("live", at(72), False)
    assert row["b0"] == pytest.approx(apy(1e-4))
    assert [row[b] for b in BUCKETS[1:]] == [None] * 7


def test_the_running_window_of_an_instrument_off_the_grid() -> None:
    frame = settlements([(4.0 + 8 * k, 1e-4, 8.0) for k in range(9)])
    curves = build_curves(frame, YEARS, predictions=predictions([(69.0, 2e-4, 8.0, 76.0)]))
    now = curves.filter(kind="live")
    assert now["as_of"].to_list() == [at(68)]
    assert now["usable"].all()


def test_a_settlement_later_than_the_prediction_delays_the_strip() -> None:
    frame = settlements([*SETTLED[:-1], (72.398, 1e-4, 8.0)])
    curves = build_curves(frame, YEARS, predictions=predictions([(72.1, 2e-4, 8.0, 80.0)]))
    assert curves.filter(kind="live")["available_at"].to_list() == [at(72.398)]


def test_a_predicted_rate_that_no_year_compounds() -> None:
    with pytest.raises(CurveError, match=r"v S: .* 2025-01-04 08:00:00 UTC add up to 1\.6"):
        live([(72.5, 0.2, 1.0, 73.0)])


OBSERVED = [
    (72.1, 1e-4, 8.0, 80.0),
    (73.0, 2e-4, 8.0, 80.0),
    (73.0, 3e-4, 8.0, 80.0),
    (79.95, 4e-4, 8.0, 80.0),
    (80.05, 5e-4, 8.0, 88.0),
]


def emitted(emission: Emission) -> pl.DataFrame:
    frame = settlements([*SETTLED, (80.0, 9e-4, 8.0)])
    window = Window(at(0), at(80.4))
    curves = build_curves(frame, window, predictions=predictions(OBSERVED), emission=emission)
    return curves.filter(pl.col("kind") == "live")


def test_a_strip_with_every_collection() -> None:
    """As of the observation; of two at one instant the higher rate, as good as the other."""
    curves = emitted("collection")
    assert curves["as_of"].to_list() == [at(72.1), at(73), at(79.95), at(80.05)]
    assert curves["available_at"].equals(curves["as_of"])
    assert curves["b0"].to_list() == pytest.approx([apy(r) for r in (1e-4, 3e-4, 4e-4, 5e-4)])
    assert curves["b1"].to_list() == pytest.approx([apy(9e-5)] * 3 + [apy(9e-4)])


def test_a_strip_every_ten_minutes() -> None:
    """From the first prediction to the window's end, with the newest one observed by then."""
    curves = emitted("grid").with_columns(b0=((pl.col("b0") + 1) ** (1 / 1095) - 1).round(9))
    tenths = [(row["as_of"] - at(72)) / timedelta(minutes=10) for row in curves.to_dicts()]
    assert tenths == [*range(1, 48), 49, 50]
    assert curves["b0"].to_list() == [1e-4] * 5 + [3e-4] * 42 + [5e-4] * 2
    assert curves["available_at"].equals(curves["as_of"])


def test_the_other_emissions_leave_settled_strips_alone() -> None:
    frame = settlements(SETTLED)
    emissions: tuple[Emission, ...] = get_args(Emission)
    settled = [
        build_curves(frame, YEARS, predictions=predictions(OBSERVED), emission=emission).filter(
            pl.col("kind") == "settled"
        )
        for emission in emissions
    ]
    assert settled[0].equals(settled[1])
    assert settled[0].equals(settled[2])


@pytest.mark.parametrize("emission", ["collection", "grid"])
def test_one_strip_per_instant_after_a_change_of_phase(emission: Emission) -> None:
    """From hour 76 every eight hours off the grid: at hour 77 the window from 76 is running.

    The one before it, from 68, then holds two settlements.
    """
    frame = settlements([*SETTLED, (76.0, 7e-4, 8.0)])
    rows = predictions([(77.0, 2e-4, 8.0, 84.0)])
    window = Window(at(72), at(77.1))
    curves = build_curves(frame, window, predictions=rows, emission=emission)
    now = curves.row(by_predicate=pl.col("kind") == "live", named=True)
    assert now["b1"] == pytest.approx(apy(7e-4 + 9e-5))


def test_what_settled_is_uncertain_for_half_an_hour() -> None:
    """Nothing has settled at hour 80, which nobody can know before 80.5."""
    rows = predictions([(80.1, 1e-4, 8.0, 88.0)])
    curves = build_curves(settlements(SETTLED), YEARS, predictions=rows)
    at_80 = curves.filter(as_of=at(80))
    assert at_80["available_at"].to_list() == [at(80.5)] * 2
