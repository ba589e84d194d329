"""Zeros have no sign, whoever wrote them."""

import math

import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.zeros import without_signed_zeros


def signs(values: pl.Series) -> list[float]:
    return [math.copysign(1.0, value) for value in values.drop_nulls().to_list()]


def test_zeros_lose_their_sign_and_nothing_else_changes() -> None:
    values = pl.Series("rate", [-0.0, 0.0, -1e-300, None, 2.0])
    plain = without_signed_zeros(values)
    assert plain.name == "rate"
    assert plain.to_list() == values.to_list()
    assert signs(plain) == [1.0, 1.0, -1.0, 1.0]


def test_frames_keep_their_other_columns() -> None:
    frame = pl.DataFrame(
        {"name": ["a"], "n": [-1], "x": [-0.0], "y": pl.Series([-0.0], dtype=pl.Float32)}
    )
    plain = without_signed_zeros(frame)
    assert plain.schema == frame.schema
    assert signs(plain["x"]) == signs(plain["y"]) == [1.0]


def test_rows_of_a_table_have_no_negative_zero() -> None:
    frame = pl.DataFrame({"funding_rate": [-0.0], "mark_price": [-0.0]})
    conformed = FUNDING_RATES.conform(frame)
    assert signs(conformed["funding_rate"]) == signs(conformed["mark_price"]) == [1.0]
