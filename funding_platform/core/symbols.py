"""From a venue's spelling of an asset to the canonical one.

Venues list cheap coins by the thousand or the million and spell that into the name: ``1000PEPE``
(Binance), ``kPEPE`` (Hyperliquid), ``SHIB1000`` (Bybit), ``1MBABYDOGE`` (Binance), ``1KPUMP``
(Drift), ``10000000AIDOGE`` (Bybit). The canonical base is ``PEPE`` with ``multiplier`` 1000: one
unit of the venue's base is 1000 PEPE, so a price divided by the multiplier compares across venues.
"""

import re
from typing import Final, Literal, NamedTuple

ContractType = Literal["linear", "inverse", "quanto"]
"""Linear settles in the quote currency, inverse in the base, quanto in neither."""

DOLLARS: Final = (
    *("USD", "USDT", "USDC", "USDT0", "USDE", "FDUSD", "USDS"),
    *("USDB", "DAI", "BUSD", "TUSD", "USD1", "USDH"),
)
"""Quotes that are a dollar or count as one, in capitals: venues write USDe and USDE."""


def is_dollar(quote: str | None) -> bool:
    """Return whether amounts in a quote currency are amounts in dollars."""
    return quote is not None and quote.upper() in DOLLARS


# Digits are a multiplier only where they are a power of ten from a thousand on, and a letter
# stands beside them: 1INCH, 0G, 2Z, 42, C98 and BANANAS31 are coins of their own.
_POWER = r"(?P<power>10{3,})"
_LETTER = r"[^\W\d_]"
_SPELLINGS = tuple(
    re.compile(spelling)
    for spelling in (
        rf"{_POWER}(?P<coin>{_LETTER}.*)",
        # One K or M after a digit may begin a coin's own short name, as in a "1KAS".
        rf"(?P<count>10{{0,2}})(?P<unit>[KkMm])(?P<coin>{_LETTER}{{3}}.*)",
        r"(?P<unit>k)(?P<coin>[A-Z].*)",
        rf"(?P<coin>{_LETTER}{{2,}}){_POWER}",
    )
)
_UNITS = {"k": 1_000, "m": 1_000_000}
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
        The base as the venue spells it, without the quote: ``1000PEPE``, ``1KPUMP``, ``XBT``.

    Examples
    --------
    >>> canonical_base("1KPUMP")
    CanonicalBase(base='PUMP', multiplier=1000)
    >>> canonical_base("1INCH")
    CanonicalBase(base='1INCH', multiplier=1)
    """
    # Where a venue writes everything in lower case, the case tells nothing: shib1000 is SHIB1000.
    spelled = venue_base.upper() if venue_base.islower() else venue_base
    matches = (spelling.fullmatch(spelled) for spelling in _SPELLINGS)
    found = next((match.groupdict() for match in matches if match), {"coin": spelled})
    coin = found["coin"]
    multiplier = int(found.get("power") or found.get("count") or 1)
    if unit := found.get("unit"):
        multiplier *= _UNITS[unit.lower()]
    return CanonicalBase(_ALIASES.get(coin, coin), multiplier)
