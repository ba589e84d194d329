"""Arithmetic in which what is unknown stays unknown."""

import math


def plus(*parts: float | None) -> float | None:
    """Return the sum."""
    told = [part for part in parts if part is not None]
    return math.fsum(told) if len(told) == len(parts) else None


def less(left: float | None, right: float | None) -> float | None:
    """Return the difference."""
    return None if left is None or right is None else left - right


def times(left: float | None, right: float | None) -> float | None:
    """Return the product."""
    return None if left is None or right is None else left * right
