"""Numbers as venues print them: decimal strings without exponents.

Every function keeps the value: the text parses back to the very float that went in, which is what
lets a replay return exactly the rows of its files.
"""

from collections.abc import Iterable
from decimal import Decimal


def shortest(value: float) -> str:
    """Write the shortest positional text of a float: ``0.0000125``, ``0.0``, ``77748.0``."""
    text = repr(value)
    return format(Decimal(text), "f") if "e" in text else text


def trimmed(value: float) -> str:
    """Write as ``shortest`` without a decimal part of zero: ``5``, ``0.0001``."""
    return shortest(value).removesuffix(".0")


def fixed(value: float, decimals: int) -> str:
    """Write a fixed number of decimals, or the shortest text where those would lose digits."""
    text = f"{value:.{decimals}f}"
    return text if float(text) == value else trimmed(value)


def fixed_all(values: Iterable[float], decimals: int) -> list[str]:
    """Do what ``fixed`` does for a column, without a call per value."""
    form = f"%.{decimals}f"
    texts = zip(values, map(form.__mod__, values), strict=True)
    return [text if float(text) == value else trimmed(value) for value, text in texts]


def rounded(value: float | None, decimals: int) -> str:
    """Round to a number of decimals; write nothing where the value is absent."""
    return "" if value is None else f"{value:.{decimals}f}"


def percent(fraction: float, decimals: int) -> str:
    """Write a fraction in percent, at a fixed number of decimals or with all digits it needs."""
    exact = Decimal(repr(fraction)).scaleb(2)
    text = format(exact, f".{decimals}f")
    return text if Decimal(text) == exact else format(exact, "f")


def decimals_of(step: float) -> int:
    """Count the decimals that a step size has: 3 for 0.001, 0 for 10."""
    exponent = Decimal(trimmed(step)).as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)
