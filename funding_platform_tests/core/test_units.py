"""Unit conversions, worked by hand, on floats, arrays and expressions alike."""

import numpy as np
import polars as pl
import pytest

from funding_platform.core.units import apr, apy, rate_8h


def test_hourly_rate_by_hand() -> None:
    """0.00125 % an hour is 0.01 % per 8 h: 10.95 % simple, 11.57 % compounded."""
    assert rate_8h(0.0000125, 1.0) == pytest.approx(0.0001, rel=1e-15)
    assert apr(0.0000125, 1.0) == pytest.approx(0.1095, rel=1e-15)
    assert apy(0.0001) == pytest.approx(1.0001**1095 - 1, rel=1e-15)
    assert apy(0.0001) == pytest.approx(0.11571, abs=1e-5)


def test_floats_arrays_and_expressions_agree() -> None:
    rates = np.array([0.0001, -0.02, 0.0])
    hours = np.array([8.0, 4.0, 1.0])
    by_expression = pl.DataFrame({"r": rates, "h": hours}).select(
        apy(rate_8h(pl.col("r"), pl.col("h")))
    )
    by_array = apy(rate_8h(rates, hours))
    by_float = [apy(rate_8h(float(r), float(h))) for r, h in zip(rates, hours, strict=True)]
    np.testing.assert_allclose(by_expression.to_series().to_numpy(), by_array, rtol=1e-12)
    np.testing.assert_allclose(by_array, by_float, rtol=1e-12)
