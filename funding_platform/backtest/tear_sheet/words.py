"""Figures as people read them: rounded to what matters, with their units; absent ones as a dash."""

import math
from datetime import date, datetime

from funding_platform.core.plain_text import ABSENT


def usd(value: float | None) -> str:
    """Dollars: cents below ten, none from there on."""
    if not _known(value):
        return ABSENT
    assert value is not None
    return _signed(f"{value:,.2f}" if abs(value) < 9.995 else f"{value:,.0f}")


def short_usd(value: float) -> str:
    """Dollars in a few characters, for axes: 12.5k, 3M."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.3g}"


def percent(value: float | None) -> str:
    """Write a fraction in percent: two decimals below ten, one below a hundred, none above."""
    if not _known(value):
        return ABSENT
    assert value is not None
    shown = abs(value) * 100
    decimals = 2 if shown < 9.995 else 1 if shown < 99.95 else 0
    return _signed(f"{value * 100:,.{decimals}f} %")


def ratio(value: float | None) -> str:
    """Write a ratio with two decimals; one that says only that it is large, with none."""
    if not _known(value):
        return ABSENT
    assert value is not None
    return f"{value:,.2f}" if abs(value) < 99.995 else f"{value:,.0f}"


def interval(low: float | None, high: float | None) -> str:
    """Write a confidence interval of ratios; nothing where there is none."""
    return f"{ratio(low)} to {ratio(high)}" if _known(low) and _known(high) else ""


def span(hours: float | None) -> str:
    """Hours below two days, days from there on."""
    if not _known(hours):
        return ABSENT
    assert hours is not None
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"


def count(value: float | None) -> str:
    """Write a whole number."""
    return f"{value:,.0f}" if _known(value) else ABSENT


def moment(value: datetime | date | None) -> str:
    """Write a time to the minute, or a day."""
    if value is None:
        return ABSENT
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else f"{value:%Y-%m-%d}"


def words(value: str | None) -> str:
    """Write a text."""
    return ABSENT if value is None else value


def _signed(text: str) -> str:
    """Without the minus of what rounds to nothing."""
    return text.removeprefix("-") if not any(digit in text for digit in "123456789") else text


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
