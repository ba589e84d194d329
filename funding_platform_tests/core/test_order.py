"""Sorting that costs nothing where there is nothing to sort."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from funding_platform.core.order import in_order, varying_columns


@pytest.mark.parametrize(
    "rows",
    [
        [("a", 1), ("a", 2), ("b", 0)],
        [("b", 0), ("a", 2), ("a", 1)],
        [("a", 2), ("a", 1)],
        [("a", 1), ("a", 1)],
        [("b", 1), ("a", 1)],
        [],
    ],
)
def test_rows_come_sorted_and_equal_ones_as_they_were(rows: list[tuple[str, int]]) -> None:
    frame = pl.DataFrame(rows, schema={"k": pl.String, "n": pl.Int64}, orient="row")
    numbered = frame.with_row_index("place")
    expected = numbered.sort("k", "n", maintain_order=True)
    assert_frame_equal(in_order(numbered, ("k", "n")), expected)


def test_what_is_in_order_is_not_copied() -> None:
    frame = pl.DataFrame({"k": ["a", "a", "b"], "n": [1, 2, 0]})
    assert in_order(frame, ("k", "n")) is frame


def test_columns_of_one_value_tell_no_rows_apart() -> None:
    frame = pl.DataFrame({"one": ["a", "a"], "two": [1, 2], "lacks": [None, 1], "none": [None] * 2})
    assert varying_columns(frame, frame.columns) == ["two", "lacks", "none"]
    assert varying_columns(frame.head(1), ["one", "two"]) == []
    assert varying_columns(frame.clear(), ["one", "two"]) == []
