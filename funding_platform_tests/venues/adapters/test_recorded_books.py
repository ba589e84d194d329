"""The adapters on recorded order books, against what ``fixtures/INDEX-books.json`` expects."""

import math
from typing import Any

import polars as pl
import pytest

from funding_platform.core.books.walk import walk_books
from funding_platform.core.tables.books.levels import ORDER_BOOK
from funding_platform.core.time_grid import to_ms
from funding_platform.venues import parse_order_book
from funding_platform.venues.errors import UnknownSymbolError
from funding_platform_tests.venues.adapters.recorded_books import (
    STREAMED,
    Case,
    body,
    book_cases,
    listing,
)
from funding_platform_tests.venues.adapters.recorded_cases import FIXTURES

pytestmark = pytest.mark.skipif(
    not FIXTURES.is_dir(), reason="the recorded books are not beside this checkout"
)

CASES = [pytest.param(case, id=case["file"]) for case in book_cases()]
EXPECTED = [pytest.param(c, id=c["file"]) for c in book_cases() if c["expected_normalised"]]


def read(case: Case) -> pl.DataFrame:
    return parse_order_book(case["venue"], body(case), listing(case))


def side(book: pl.DataFrame, name: str) -> list[tuple[float, float]]:
    return book.filter(side=name).select("price", "size").rows()


def near(found: float, expected: str | None) -> bool:
    """Within what the index rounds to: bps to 6 places, dollars to 2, sizes to 12."""
    assert expected is not None
    places = len(expected.partition(".")[2])
    return math.isclose(found, float(expected), rel_tol=1e-12, abs_tol=0.51 * 10.0**-places)


@pytest.mark.parametrize("case", EXPECTED)
def test_a_recorded_book_holds_the_expected_levels(case: Case) -> None:
    (expected,) = case["expected_normalised"]
    book = read(case)
    assert book.schema == ORDER_BOOK.polars_schema
    for name in ("bid", "ask"):
        levels = side(book, name)
        assert len(levels) == expected[f"levels_{name}"]
        assert near(sum(price * size for price, size in levels), expected[f"visible_{name}_usd"])
        if expected[f"best_{name}"] is None:
            assert not levels
            continue
        price, size = levels[0]
        assert price == float(expected[f"best_{name}"])
        assert math.isclose(size, float(expected[f"best_{name}_base"]), rel_tol=1e-9)
        prices = [price for price, _ in levels]
        assert prices == sorted(set(prices), reverse=name == "bid")


@pytest.mark.parametrize("case", EXPECTED)
def test_walking_a_recorded_book_costs_what_is_expected(case: Case) -> None:
    (expected,) = case["expected_normalised"]
    walked = walk_books(read(case), (10_000.0,))
    if expected["mid"] is None:
        assert walked.is_empty()
        return
    (row,) = walked.to_dicts()
    assert near(row["mid"], expected["mid"])
    assert near((row["ask"] - row["bid"]) / row["mid"] * 1e4, expected["spread_bps"])
    for verb in ("buy", "sell"):
        if expected[f"{verb}_10k_usd_bps"] is None:
            assert row[f"{verb}_0"] is None
        else:
            assert near(row[f"{verb}_0"], expected[f"{verb}_10k_usd_bps"])


@pytest.mark.parametrize("case", EXPECTED)
def test_a_recorded_book_has_the_time_that_the_venue_says(case: Case) -> None:
    (expected,) = case["expected_normalised"]
    times = read(case)["book_time"].unique().to_list()
    if "event_ms" not in expected or not times:
        return
    stated = None if case["file"] in STREAMED else expected["event_ms"]
    assert [time and to_ms(time) for time in times] == [stated]


def test_a_coin_that_hyperliquid_does_not_know() -> None:
    (case,) = [c for c in book_cases() if c["file"] == "hyperliquid/book-unknown-coin.json"]
    with pytest.raises(UnknownSymbolError, match="no such coin"):
        read(case)


def test_the_first_bids_of_backpack_are_its_worst() -> None:
    (case,) = [c for c in book_cases() if c["file"] == "backpack/docs-book-BTC_USDC-trimmed.json"]
    book = read(case)
    assert side(book, "bid") == [(12.9, 1.0), (1.0, 0.38647)]
    assert side(book, "ask")[0] == (118318.3, 0.00633)
    assert [to_ms(time) for time in book["book_time"].unique()] == [1753102447307]


def test_every_case_is_read_or_refused_as_stated() -> None:
    """That no case of the index is passed over by the tests above."""
    apart = {"hyperliquid/book-unknown-coin.json", "backpack/docs-book-BTC_USDC-trimmed.json"}
    named: list[Any] = [case["file"] for case in book_cases()]
    assert {case.values[0]["file"] for case in EXPECTED} == {*named} - apart  # type: ignore[index]
