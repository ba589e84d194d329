"""Canonical assets, against spellings that venues really use."""

import gzip
import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.core.symbols import canonical_base, is_dollar

MULTIPLIED = {
    "1000PEPE": ("PEPE", 1_000),
    "1000SATS": ("SATS", 1_000),
    "1000X": ("X", 1_000),
    "kPEPE": ("PEPE", 1_000),
    "SHIB1000": ("SHIB", 1_000),
    "shib1000": ("SHIB", 1_000),
    "1KPUMP": ("PUMP", 1_000),
    "1KMEW": ("MEW", 1_000),
    "1kWEN": ("WEN", 1_000),
    "1kmon": ("MON", 1_000),
    "10000SATS": ("SATS", 10_000),
    "10KSATS": ("SATS", 10_000),
    "SATS10000": ("SATS", 10_000),
    "100000ELON": ("ELON", 100_000),
    "1000000MOG": ("MOG", 1_000_000),
    "1000000BOB": ("BOB", 1_000_000),
    "1MBABYDOGE": ("BABYDOGE", 1_000_000),
    "1mBABYDOGE": ("BABYDOGE", 1_000_000),
    "1MPEPE": ("PEPE", 1_000_000),
    "10000000AIDOGE": ("AIDOGE", 10_000_000),
    "BABYDOGE1000000000": ("BABYDOGE", 1_000_000_000),
    "1000XBT": ("BTC", 1_000),
}
ONE_OF_THE_COIN = {
    *("BTC", "1INCH", "0G", "2Z", "4", "42", "1000", "1CAT", "10SET", "100X", "1KAS", "1MOG"),
    *("KAS", "KAITO", "KGEN", "KITE", "MEW", "C98", "LUNA2", "B2", "B3", "L1", "EGL1", "PORT3"),
    *("BANANAS31", "USD1", "US500", "SP500", "NAS100", "US2000", "SPX6900", "S1000", "xyz:AAPL"),
}

RECORDED = {
    *("BOB", "BONK", "CHEEMS", "DOGS", "FLOKI", "LUNC", "NEIRO", "PEPE", "SHIB", "TOSHI"),
}
"""All coins that a recorded answer or snapshot names with a multiplier."""

_QUOTED = r'"(?:[a-z]+:)?([A-Za-z0-9]{2,20})(?:[-_/:][A-Za-z0-9_:/-]+)?"'
_NAMES = re.compile(_QUOTED + r"|(?:^|,)([A-Za-z0-9]{2,20})(?=,)", re.MULTILINE)


@pytest.mark.parametrize(("spelling", "expected"), MULTIPLIED.items())
def test_multipliers_are_split_off(spelling: str, expected: tuple[str, int]) -> None:
    assert canonical_base(spelling) == expected


@pytest.mark.parametrize("coin", sorted(ONE_OF_THE_COIN))
def test_a_coin_may_have_digits_of_its_own(coin: str) -> None:
    assert canonical_base(coin) == (coin, 1)


def test_aliases_and_case_are_one_coin() -> None:
    assert canonical_base("XBT") == canonical_base("xbt") == canonical_base("btc") == ("BTC", 1)


@given(st.from_regex(r"[A-Z]{3,8}", fullmatch=True), st.integers(3, 12))
def test_every_spelling_of_a_power_of_ten_is_the_same(coin: str, exponent: int) -> None:
    power = 10**exponent
    spellings = [f"{power}{coin}", f"{coin}{power}"]
    for unit, letters in ((10**3, "Kk"), (10**6, "Mm")):
        if power // unit in (1, 10, 100):
            spellings += [f"{power // unit}{letter}{coin}" for letter in letters]
    if exponent == 3:
        spellings.append(f"k{coin}")
    name = canonical_base(coin).base
    assert {canonical_base(spelling) for spelling in spellings} == {(name, power)}


@given(st.from_regex(r"[A-Za-z0-9]{1,14}", fullmatch=True))
def test_a_canonical_base_is_its_own(spelling: str) -> None:
    base, multiplier = canonical_base(spelling)
    assert multiplier in {10**n for n in range(15)}
    assert multiplier == 1 or len(base) < len(spelling) or base == "BTC"


def test_names_in_recorded_answers_are_judged(shared_dir: Path) -> None:
    """Of all names with a digit or a small k, those with a multiplier are these and no others."""
    folders = (shared_dir / "venues" / "fixtures", shared_dir / "data" / "snapshots")
    names: set[str] = set()
    for folder, kind in product(folders, ("*.json", "*.gz")):
        for file in folder.rglob(kind):
            content = file.read_bytes()
            content = gzip.decompress(content) if file.suffix == ".gz" else content
            text = content.decode(errors="replace")
            names.update(quoted or listed for quoted, listed in _NAMES.findall(text))
    bases = {re.sub(r"(USDT|USDC|USD|PERP)+$", "", name) for name in names}
    multiplied = {base for base in bases if canonical_base(base).multiplier > 1}
    assert {canonical_base(base).base for base in multiplied} == RECORDED
    assert {"0G", "2Z", "EGL1", "PORT3", "BANANAS31", "LUNA2", "KAS"} <= bases - multiplied


@pytest.mark.parametrize("quote", ["USDe", "USDE", "USDS", "USD1", "BUSD", "usdt"])
def test_a_dollar_is_one_however_it_is_spelt(quote: str) -> None:
    assert is_dollar(quote)


@pytest.mark.parametrize("quote", ["EUR", "BTC", "", None])
def test_other_quotes_are_not(quote: str | None) -> None:
    assert not is_dollar(quote)
