"""Impact in arrays beside the formulas in SQL, and values worked out by hand."""

import random

import duckdb
import numpy as np
import pytest

from funding_platform.arbitrage.formulas import (
    FOUR_TRADES,
    LEG_IMPACT_BPS,
    MAX_SIZE_USD,
    MEASURED_IMPACT_BPS,
)
from funding_platform.live.pairs.impact import (
    impacts_at_bps,
    leg_impact_bps,
    max_size_usd,
    measured_impact_bps,
)

NAMES = ("1k", "10k", "100k", "1m")
NONE = float("nan")


def measured(dice: random.Random) -> list[float]:
    """What a book was seen to cost at the smaller sizes, or at none."""
    reached, total = dice.choice([0, 1, 2, 3, 4, 4]), 0.0
    steps = [total := total + dice.choice([0.0, dice.expovariate(0.3)]) for _ in NAMES]
    return [*steps[:reached], *[NONE] * (len(NAMES) - reached)]


def in_sql(formula: str) -> float:
    found = duckdb.sql(f"SELECT ({formula})::DOUBLE").fetchone()
    assert found is not None
    return NONE if found[0] is None else float(found[0])


def spelled(value: float) -> str:
    return "NULL::DOUBLE" if np.isnan(value) else f"{value!r}::DOUBLE"


@pytest.mark.parametrize("seed", range(60))
def test_arrays_say_what_the_sql_says(seed: int) -> None:
    dice = random.Random(seed)
    book, size = measured(dice), 10 ** dice.uniform(1, 6.5)
    model = dice.choice([NONE, dice.expovariate(0.5)])
    known = {f"at_{name}": spelled(value) for name, value in zip(NAMES, book, strict=True)}
    of_size = MEASURED_IMPACT_BPS.of(size_usd=repr(size), **known)
    of_leg = LEG_IMPACT_BPS.of(measured_bps=f"({of_size})", model_bps=spelled(model), **known)
    limit = MAX_SIZE_USD.of(max_impact_cost_bps="10", **known)
    rows = np.array([book])
    for sql, found in (
        (of_size, measured_impact_bps(rows, size)),
        (of_leg, leg_impact_bps(rows, size, np.array([model]))),
        (limit, max_size_usd(rows, 10.0)),
    ):
        assert found[0] == pytest.approx(in_sql(sql), rel=1e-12, abs=1e-15, nan_ok=True)


def test_sizes_by_hand() -> None:
    """Of 10 bps: halfway to the first; 1/4 on from it; no more was seen; all that was measured."""
    costs = np.array(
        [
            [20.0, 30.0, 40.0, 50.0],
            [5.0, 25.0, 30.0, 40.0],
            [5.0, 6.0, NONE, NONE],
            [1.0, 2.0, 3.0, 4.0],
            [NONE, NONE, NONE, NONE],
        ]
    )
    found = max_size_usd(costs, 10.0)
    assert found[:4].tolist() == [500.0, 3_250.0, 10_000.0, 1_000_000.0]
    assert np.isnan(found[4])


def test_a_leg_without_a_book_grows_with_the_size() -> None:
    books = np.array([[NONE] * 4, [1.0, NONE, NONE, NONE]])
    found = impacts_at_bps(books, 10_000.0, np.array([3.0, 3.0]))
    assert found[0] == pytest.approx([0.3, 3.0, 30.0, 300.0])
    assert found[1][0] == 1.0
    assert np.isnan(found[1][1:]).all()
    assert FOUR_TRADES.of(long_bps="1", short_bps="2") == "2 * (1 + 2)"
