"""Factors of hand-made curves."""

from datetime import timedelta
from math import exp, log
from typing import Any

import numpy as np
import polars as pl
import pytest

from funding_platform.core.tables.features.curves import BUCKETS, CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.curves import build_curves, curve_factors
from funding_platform.curves.shape import half_life
from funding_platform_tests.curves.frames import YEARS, at, settlements, steady

Buckets = list[float | None]


def curve(
    buckets: Buckets,
    *,
    hour: float = 64,
    available: float | None = None,
    venue: str = "v",
    symbol: str = "S",
    kind: str = "settled",
) -> pl.DataFrame:
    row = {
        "venue": venue,
        "venue_symbol": symbol,
        "as_of": at(hour),
        "kind": kind,
        **dict(zip(BUCKETS, buckets, strict=True)),
        "n_interpolated": 0,
        "usable": False,
        "available_at": at(hour if available is None else available),
    }
    return pl.DataFrame([row], schema=CURVE_SNAPSHOTS.polars_schema)


def flat(level: float | None, **of: Any) -> pl.DataFrame:
    return curve([level] * 8, **of)


def factors(buckets: Buckets) -> dict[str, object]:
    return curve_factors(curve(buckets)).row(0, named=True)


def dispersions(curves: pl.DataFrame, bases: dict[str, str]) -> dict[tuple[str, float], object]:
    instruments = (
        curves.select("venue", "venue_symbol")
        .unique()
        .join(pl.DataFrame({"venue": list(bases), "base": list(bases.values())}), on="venue")
    )
    found = curve_factors(curves, instruments=instruments)
    hours = (found["as_of"] - at(0)).dt.total_seconds() / 3600
    return dict(zip(zip(found["venue"], hours, strict=True), found["dispersion"], strict=True))


@pytest.mark.parametrize(
    ("buckets", "expected"),
    [
        ([0.5, 0.0, 0.3, 0.1, 0.0, 0.2, 0.0, 0.9], (0.5, 0.4, 0.3)),
        ([None, 0.0, 0.3, 0.1, 0.0, 0.2, 0.0, 0.9], (None, None, 0.3)),
        ([0.5, 0.0, 0.3, 0.1, 0.0, 0.2, 0.0, None], (0.5, None, 0.3)),
        ([0.5, 0.0, None, 0.1, 0.0, 0.2, 0.0, 0.9], (0.5, 0.4, None)),
        ([0.5, None, 0.3, 0.1, None, 0.2, None, 0.9], (0.5, 0.4, 0.3)),
    ],
)
def test_level_slope_and_curvature(buckets: Buckets, expected: tuple[float | None, ...]) -> None:
    found = curve_factors(curve(buckets, available=64.5)).row(0, named=True)
    for name, value in zip(("level", "slope", "curvature"), expected, strict=True):
        assert found[name] == (None if value is None else pytest.approx(value)), name
    assert found["available_at"] == at(64.5)


def test_decay_ratios() -> None:
    found = factors([0.4, 0.2, 0.009, 0.5, -0.01, 0.02, None, 0.3])
    expected = [0.5, 0.045, None, -0.02, -2.0, None, None]
    for k, ratio in enumerate(expected):
        assert found[f"decay_{k}"] == (None if ratio is None else pytest.approx(ratio)), k


@pytest.mark.parametrize(
    ("case", "buckets", "age"),
    [
        # Median of b1..b7 0.10, deviations 0, 0, 0, .01, .01, .5, .5: MAD .01, 3 sigma = .0445
        ("two far ones", [0.10, 0.11, 0.10, 0.60, 0.10, 0.60, 0.09, 0.10], 3),
        ("none", [0.10, 0.11, 0.10, 0.09, 0.10, 0.12, 0.09, 0.10], None),
        # Without any spread sigma is 0.01: 0.129 is within three of it, 0.131 is not.
        ("floor held", [0.129, *[0.10] * 7], None),
        ("floor passed", [0.131, *[0.10] * 7], 1),
        ("the missing are passed over", [0.131, None, None, *[0.10] * 5], 3),
        ("newest missing", [None, *[0.10] * 7], None),
        ("too few for a scale", [0.9, 0.1, 0.1, 0.1, None, None, None, None], None),
    ],
)
def test_shock_age(case: str, buckets: Buckets, age: int | None) -> None:
    assert factors(buckets)["shock_age"] == age, case


def test_half_life_of_an_exact_decay() -> None:
    """Each window 0.7 of the one before it, above a mean of 0.1."""
    decaying: Buckets = [0.1 + 0.5 * 0.7 ** (7 - k) for k in range(8)]
    assert factors(decaying)["half_life_hours"] == pytest.approx(8 * log(0.5) / log(0.7))


@pytest.mark.parametrize(
    ("case", "buckets"),
    [
        ("growing", [0.1 + 0.05 * 1.4 ** (7 - k) for k in range(8)]),
        ("alternating", [0.1, 0.3] * 4),
        ("flat", [0.1 + 0.001 * 0.5**k for k in range(8)]),
        ("slower than 640 hours", [0.1 + 0.9 * 0.995 ** (7 - k) for k in range(8)]),
        ("a bucket missing", [0.1, 0.2, 0.15, 0.3, 0.25, 0.4, 0.35, None]),
    ],
)
def test_no_half_life(case: str, buckets: Buckets) -> None:
    assert factors(buckets)["half_life_hours"] is None, case


def test_white_noise_has_no_half_life() -> None:
    """Eight independent buckets look like a decay by chance; one strip in a hundred may."""
    noise = np.random.default_rng(22).normal(0.1, 0.1, (8, 5_000))
    assert np.isfinite(half_life(noise)).mean() < 0.01


def test_a_noisy_decay_is_slower_than_it_looks() -> None:
    clean = 0.1 + 0.5 * 0.7 ** (7 - np.arange(8.0))
    noisy = clean[:, None] + np.random.default_rng(1).normal(0, 0.004, (8, 200))
    found, exact = half_life(noisy), 8 * log(0.5) / log(0.7)
    assert np.isfinite(found).mean() > 0.9
    assert np.nanmedian(found) == pytest.approx(exact, rel=0.03)


@pytest.mark.parametrize(
    ("case", "newest", "level", "outlier"),
    [
        ("a spoofed print", 3570.0, 1.1 * exp(1) - 1, True),
        ("one below", -0.99, 1.1 / exp(1) - 1, True),
        ("nothing left at all", -1.0, 1.1 / exp(1) - 1, True),
        ("an honest move", 1.9, 1.9, False),
        ("nothing to judge", None, None, None),
    ],
)
def test_the_guard(
    case: str, newest: float | None, level: float | None, outlier: bool | None
) -> None:
    """Seven buckets at 0.1: no spread, so the margin of 1 in ln(1 + b) rules."""
    found = factors([newest, *[0.1] * 7])
    assert found["outlier"] is outlier, case
    assert found["level"] == (None if level is None else pytest.approx(level)), case
    assert found["slope"] == (None if level is None else pytest.approx(0.1 - level)), case


def test_the_guard_widens_with_the_strip() -> None:
    """Log yields 0, 1, .. 6 deviate by 2 in the median: ten sigma are 29.652 about 3."""
    older: Buckets = [exp(k) - 1 for k in range(7)]
    for newest, outlier in ((exp(3 + 29.6) - 1, False), (exp(3 + 29.7) - 1, True)):
        assert factors([newest, *older])["outlier"] is outlier


def test_the_guard_needs_four_others() -> None:
    found = factors([3570.0, 0.1, 0.1, 0.1, None, None, None, None])
    assert (found["outlier"], found["level"]) == (None, 3570.0)


def test_z_scores_by_hand() -> None:
    """Levels 0.10 and 0.30 in turn: mean 0.2, sample deviation sqrt(84 * 0.01 / 83)."""
    past = [flat(0.1 if n % 2 else 0.3, hour=8 * n) for n in range(100)]
    found = curve_factors(pl.concat([*past, flat(0.5, hour=800), flat(0.5, hour=800, kind="live")]))
    deviation = (84 * 0.01 / 83) ** 0.5
    for row in found.filter(as_of=at(800)).iter_rows(named=True):
        assert row["level_z"] == pytest.approx(0.3 / deviation), row["kind"]
        assert row["slope_z"] == pytest.approx(0.0, abs=1e-9)
    scored = found.filter(kind="settled").drop_nulls("level_z")
    assert scored["as_of"].min() == at(8 * 21)


def test_z_scores_where_nothing_varied() -> None:
    """A deviation below 0.01 counts as 0.01, so that a pinned rate's first move has a score."""
    past = [flat(0.1095, hour=8 * n) for n in range(30)]
    last = curve_factors(pl.concat([*past, flat(0.2095, hour=240)])).row(-1, named=True)
    assert last["level_z"] == pytest.approx(10.0)


def test_z_scores_after_a_month_without_curves() -> None:
    past = [flat(0.1, hour=8 * n) for n in range(100)]
    last = curve_factors(pl.concat([*past, flat(0.5, hour=8 * 200)])).row(-1, named=True)
    assert last["level_z"] is None


def test_dispersion_by_hand() -> None:
    """0.1, 0.2, 0.6: mean 0.3, squares .04 + .01 + .09, over two."""
    curves = pl.concat([flat(0.1, venue="a"), flat(0.2, venue="b"), flat(0.6, venue="c")])
    found = dispersions(curves, {"a": "BTC", "b": "BTC", "c": "BTC"})
    assert list(found.values()) == pytest.approx([0.07**0.5] * 3)
    apart = dispersions(curves, {"a": "BTC", "b": "BTC", "c": "ETH"})
    assert apart["a", 64] == pytest.approx(0.005**0.5)
    assert apart["c", 64] is None


@pytest.mark.parametrize(
    ("case", "peer", "expected"),
    [
        ("of the window before", flat(0.3, venue="b", hour=56), 0.02**0.5),
        ("off the grid", flat(0.3, venue="b", hour=60), 0.02**0.5),
        ("too old", flat(0.3, venue="b", hour=55), None),
        ("not yet available", flat(0.3, venue="b", hour=64, available=64.2), None),
        ("available in time", flat(0.3, venue="b", hour=64, available=64.1), 0.02**0.5),
        ("of later", flat(0.3, venue="b", hour=65), None),
        ("of the other kind", flat(0.3, venue="b", kind="live"), None),
        ("without a newest bucket", flat(None, venue="b"), None),
        ("on the same venue", flat(0.3, venue="a", symbol="T"), None),
    ],
)
def test_which_peers_count(case: str, peer: pl.DataFrame, expected: float | None) -> None:
    own = flat(0.1, venue="a", available=64.1)
    found = dispersions(pl.concat([own, peer]), {"a": "BTC", "b": "BTC"})
    assert found["a", 64] == (None if expected is None else pytest.approx(expected)), case


def test_a_late_peer_is_represented_by_its_curve_before() -> None:
    peers = [flat(0.3, venue="b", hour=56), flat(0.9, venue="b", hour=64, available=64.4)]
    found = dispersions(pl.concat([flat(0.1, venue="a"), *peers]), {"a": "BTC", "b": "BTC"})
    assert found["a", 64] == pytest.approx(0.02**0.5)
    assert found["b", 64] == pytest.approx(0.32**0.5)


def test_an_unknown_base_has_no_dispersion() -> None:
    curves = pl.concat([flat(0.1, venue="a"), flat(0.2, venue="b")])
    assert set(dispersions(curves, {"a": "BTC"}).values()) == {None}
    assert curve_factors(curves)["dispersion"].null_count() == 2


Quote = tuple[float, float | None, float | None, float | None]
"""Hour observed, mark, index, open interest."""


def quotes(rows: list[Quote]) -> pl.DataFrame:
    names = ("observed_at", "mark_price", "index_price", "open_interest_base")
    return pl.DataFrame(
        [("v", "S", at(row[0]), *row[1:]) for row in rows],
        schema=["venue", "venue_symbol", *names],
        orient="row",
    ).cast({"observed_at": UTC_TIME, **dict.fromkeys(names[1:], pl.Float64)})


@pytest.mark.parametrize(
    ("case", "rows", "basis", "change"),
    [
        ("both", [(56, 100, 100, 200.0), (64, 101, 100, 250.0)], 0.01, 0.25),
        ("observed after", [(64.1, 101, 100, 250.0)], None, None),
        ("two hours old", [(54, 1, 1, 200.0), (62, 99, 100, 100.0)], -0.01, -0.5),
        ("stale", [(53.9, 1, 1, 200.0), (61.9, 99, 100, 100.0)], None, None),
        ("newest lacks the index", [(63, 99, 100, 1.0), (64, 99, None, None)], None, None),
        ("an index of nothing", [(56, 1, 1, 0.0), (64, 99, 0, 1.0)], None, None),
        ("nothing before", [(64, 102, 100, 250.0)], 0.02, None),
    ],
)
def test_basis_and_open_interest(
    case: str, rows: list[Quote], basis: float | None, change: float | None
) -> None:
    found = curve_factors(flat(0.1), snapshots=quotes(rows)).row(0, named=True)
    assert found["basis"] == (None if basis is None else pytest.approx(basis)), case
    assert found["open_interest_change"] == (None if change is None else pytest.approx(change)), (
        case
    )


def test_quotes_of_other_instruments_do_not_count() -> None:
    other = quotes([(64, 101, 100, 1.0)]).with_columns(venue_symbol=pl.lit("T"))
    assert curve_factors(flat(0.1), snapshots=other)["basis"].to_list() == [None]


def test_one_row_per_curve_in_the_declared_shape() -> None:
    curves = build_curves(settlements(steady(4, range(4, 200))), YEARS)
    found = curve_factors(curves)
    assert found.schema == CURVE_FACTORS.polars_schema
    assert found.select(CURVE_FACTORS.key).equals(curves.select(CURVE_FACTORS.key))
    assert curve_factors(CURVE_SNAPSHOTS.empty()).schema == CURVE_FACTORS.polars_schema


def test_a_flat_curve_has_only_a_level() -> None:
    prints = [(float(hour), 1e-5, 1.0) for hour in range(1, 65)]
    found = curve_factors(build_curves(settlements(prints), YEARS))
    last = found.row(by_predicate=pl.col("as_of") == at(64), named=True)
    assert last["level"] == pytest.approx(1.00008**1095 - 1)
    assert (last["slope"], last["curvature"]) == pytest.approx((0.0, 0.0), abs=1e-12)
    assert (last["outlier"], last["shock_age"], last["half_life_hours"]) == (False, None, None)
    assert last["available_at"] - last["as_of"] == timedelta(0)
