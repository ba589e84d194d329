"""What an instrument is on: by the venue's word, by ticker, and what pairs with what."""

import polars as pl
import pytest

from funding_platform.core.market.asset_classes import (
    ASSET_CLASSES,
    asset_key,
    class_of_ticker,
    class_said,
)


@pytest.mark.parametrize(
    ("word", "base", "expected"),
    [
        ("EQUITY", "AAPL", "equity"),
        ("KR_EQUITY", "SAMSUNG", "equity"),
        ("ETF", "QQQ", "equity"),
        ("COMMODITY", "XAU", "metal"),
        ("Commodities", "BRENT", "commodity"),
        ("forex", "EURUSD", "fx"),
        ("coin", "BTC", "crypto"),
        ("coin", "XAU", "crypto"),  # a venue's word comes before what a ticker stands for
        (None, "GOLD", "metal"),
        (None, "SP500", "index"),
        ("a new word", "CL", "commodity"),
        ("a new word", "ABC", "other"),
        (None, "ABC", "other"),
    ],
)
def test_the_class_that_is_said(word: str | None, base: str, expected: str) -> None:
    assert class_said(word, base) == expected
    assert expected in ASSET_CLASSES


def test_where_nobody_says_anything_only_an_unmistakable_ticker_tells() -> None:
    told = {base: class_of_ticker(base) for base in ("XAU", "EURUSD", "BTC", "SPX", "GOLD", "EUR")}
    assert told == {"XAU": "metal", "EURUSD": "fx", **dict.fromkeys(("BTC", "SPX", "GOLD", "EUR"))}


def test_instruments_share_an_asset_by_base_and_class() -> None:
    frame = pl.DataFrame(
        [
            ("a", "METAUSDT", "META", "equity"),
            ("b", "META", "META", "crypto"),
            ("c", "META-PERP", "META", None),
            ("d", "xyz:META", "META", "other"),
            ("e", "abc:META", "META", "other"),
            ("f", "xyz:META", "META", "equity"),
        ],
        schema=["venue", "venue_symbol", "base", "asset_class"],
        orient="row",
    )
    share, coin, unsaid, one, another, same = frame.select(asset_key()).to_series()
    assert share == same
    assert coin == unsaid
    assert len({share, coin, one, another}) == 4
