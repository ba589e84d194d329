"""Instruments by number, however rows are cut into pieces and runs."""

import polars as pl
import pytest

from funding_platform.core import numbering
from funding_platform.core.numbering import distinct_instruments, instrument_numbers

ROWS = pl.DataFrame(
    [("b", "Y"), ("b", "Y"), ("b", "X"), ("a", "X"), ("a", "X"), ("b", "X"), ("c", "Z")],
    schema=["venue", "venue_symbol"],
    orient="row",
)
KNOWN = [("a", "X"), ("b", "X"), ("b", "Y"), ("c", "Z")]


@pytest.mark.parametrize("rows_at_once", [1, 2, 3, 1 << 20])
def test_numbers_are_rows_of_the_sorted_instruments(
    rows_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbering, "_ROWS_AT_ONCE", rows_at_once)
    instruments = distinct_instruments(ROWS.head(4), ROWS.tail(3))
    assert instruments.rows() == KNOWN
    numbers = instrument_numbers(ROWS, instruments)
    assert [KNOWN[number] for number in numbers] == ROWS.rows()
    assert numbers.dtype == pl.UInt32


def test_one_that_is_none_of_the_instruments_has_no_number() -> None:
    assert instrument_numbers(ROWS, ROWS[[2]]).to_list() == [None, None, 0, None, None, 0, None]


def test_no_rows_have_no_numbers() -> None:
    assert distinct_instruments(ROWS.clear()).is_empty()
    assert instrument_numbers(ROWS.clear(), ROWS.clear()).len() == 0
