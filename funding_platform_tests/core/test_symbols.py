"""Canonical assets, against spellings that venues really use."""

import pytest

from funding_platform.core.symbols import canonical_base, is_dollar


@pytest.mark.parametrize(
    ("spelling", "base", "multiplier"),
    [
        ("BTC", "BTC", 1),
        ("XBT", "BTC", 1),
        ("1000PEPE", "PEPE", 1_000),
        ("kPEPE", "PEPE", 1_000),
        ("SHIB1000", "SHIB", 1_000),
        ("10000SATS", "SATS", 10_000),
        ("1000000MOG", "MOG", 1_000_000),
        ("1MBABYDOGE", "BABYDOGE", 1_000_000),
        ("1INCH", "1INCH", 1),
        ("0G", "0G", 1),
        ("2Z", "2Z", 1),
        ("KAS", "KAS", 1),
        ("US500", "US500", 1),
        ("xyz:AAPL", "xyz:AAPL", 1),
    ],
)
def test_canonical_base(spelling: str, base: str, multiplier: int) -> None:
    assert canonical_base(spelling) == (base, multiplier)


@pytest.mark.parametrize("quote", ["USDe", "USDE", "USDS", "USD1", "BUSD", "usdt"])
def test_a_dollar_is_one_however_it_is_spelt(quote: str) -> None:
    assert is_dollar(quote)


@pytest.mark.parametrize("quote", ["EUR", "BTC", "", None])
def test_other_quotes_are_not(quote: str | None) -> None:
    assert not is_dollar(quote)
