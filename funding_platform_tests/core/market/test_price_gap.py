"""The one rule of when two prices are not of one asset."""

import duckdb
import pytest

from funding_platform.arbitrage.formulas import PRICE_GAP_BPS
from funding_platform.core.market.price_gap import MAX_PRICE_GAP_BPS, price_gap_bps


@pytest.mark.parametrize(
    ("long", "short", "gap"),
    [(100.0, 101.0, 100.0), (100.0, 100.0, 0.0), (0.0002666, 0.02965, 1_102_152.0)],
)
def test_python_and_sql_measure_the_same_gap(long: float, short: float, gap: float) -> None:
    assert price_gap_bps(long, short) == pytest.approx(gap, rel=1e-6, abs=1e-9)
    sql = PRICE_GAP_BPS.of(long_price=f"{long!r}::DOUBLE", short_price=f"{short!r}::DOUBLE")
    assert duckdb.sql(f"SELECT {sql}").fetchone() == (pytest.approx(gap, rel=1e-6, abs=1e-9),)


def test_the_bound_is_one_per_cent() -> None:
    assert pytest.approx(100.0) == MAX_PRICE_GAP_BPS
