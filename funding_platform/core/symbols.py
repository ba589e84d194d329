"""From a venue's spelling of an asset to the canonical one.

Venues list cheap coins by the thousand or the million and spell that into the name: ``1000PEPE``
(Binance), ``kPEPE`` (Hyperliquid), ``SHIB1000`` (Bybit), ``1MBABYDOGE`` (Binance). The canonical
base is ``PEPE`` with ``multiplier`` 1000: one unit of the venue's base is 1000 PEPE, so a price
divided by the multiplier compares across venues.
"""

import re
from typing import Final, Literal, NamedTuple

ContractType = Literal["linear", "inverse"]
"""Linear settles in the quote currency, inverse in the base."""

DOLLARS: Final = (
    *("USD", "USDT", "USDC", "USDT0", "USDE", "FDUSD", "USDS"),
    *("USDB", "DAI", "BUSD", "TUSD", "USD1", "USDH"),
)
"""Quotes that are a dollar or count as one, in capitals: venues write USDe and USDE."""


def is_dollar(quote: str | None) -> bool:
    """Return whether amounts in a quote currency are amounts in dollars."""
    return quote is not None and quote.upper() in DOLLARS


# Digits count as a multiplier only before a letter: 1INCH, 0G and 2Z are coins of their own.
_PREFIX = re.compile(r"(?P<factor>1000000|100000|10000|1000|1M(?=[A-Z]{3})|k)(?P<coin>[A-Z].*)")
_SUFFIX = re.compile(r"(?P<coin>[A-Z]+)(?P<factor>1000000|10000|1000)")
_WORDS = {"k": 1_000, "1M": 1_000_000}
_ALIASES = {"XBT": "BTC"}


class CanonicalBase(NamedTuple):
    """A canonical asset and how many of it one unit of the venue's base stands for."""

    base: str
    multiplier: int


def canonical_base(venue_base: str) -> CanonicalBase:
    """Split a venue's base into the canonical asset and its multiplier.

    Parameters
    ----------
    venue_base
        The base as the venue spells it, without the quote: ``1000PEPE``, ``kPEPE``, ``XBT``.

    Examples
    --------
    >>> canonical_base("kPEPE")
    CanonicalBase(base='PEPE', multiplier=1000)
    >>> canonical_base("1INCH")
    CanonicalBase(base='1INCH', multiplier=1)
    """
    match = _PREFIX.fullmatch(venue_base) or _SUFFIX.fullmatch(venue_base)
    if match is None:
        coin, multiplier = venue_base, 1
    else:
        coin, factor = match["coin"], match["factor"]
        multiplier = _WORDS[factor] if factor in _WORDS else int(factor)
    return CanonicalBase(_ALIASES.get(coin, coin), multiplier)
