"""Rates and their units.

Every formula works alike on a float, a NumPy array and a Polars expression, so that a test, a
kernel and a query plan share one definition.
"""

from typing import Protocol, Self, TypeVar

HOURS_PER_YEAR = 8_760
"""Perpetuals never close: 24 x 365. The 252 trading days belong to equities."""

TENOR_HOURS = 8
"""The common horizon at which rates of different intervals are compared."""

TENORS_PER_YEAR = HOURS_PER_YEAR // TENOR_HOURS


class Arithmetic(Protocol):
    """What the formulas need of a number: floats, arrays and expressions all have it."""

    def __mul__(self, other: float, /) -> Self: ...
    def __add__(self, other: float, /) -> Self: ...
    def __pow__(self, other: int, /) -> Self: ...
    def __sub__(self, other: float, /) -> Self: ...
    def __truediv__(self, other: Self, /) -> Self: ...


N = TypeVar("N", bound=Arithmetic)


def rate_8h(funding_rate: N, interval_hours: N) -> N:
    """``funding_rate * 8 / interval_hours``: the rate per interval, scaled to eight hours.

    Parameters
    ----------
    funding_rate
        Fraction of notional per funding interval, positive when longs pay shorts.
    interval_hours
        Hours between settlements.
    """
    return funding_rate * TENOR_HOURS / interval_hours


def apr(funding_rate: N, interval_hours: N) -> N:
    """``funding_rate * 8760 / interval_hours``: simple annual rate, as a fraction.

    Parameters
    ----------
    funding_rate
        Fraction of notional per funding interval.
    interval_hours
        Hours between settlements.
    """
    return funding_rate * HOURS_PER_YEAR / interval_hours


def apy(r_8h: N) -> N:
    """``(1 + r_8h) ** 1095 - 1``: the eight-hour rate compounded over a year, as a fraction.

    Parameters
    ----------
    r_8h
        Fraction of notional per eight hours.
    """
    return (r_8h + 1.0) ** TENORS_PER_YEAR - 1.0
