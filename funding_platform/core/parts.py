"""Many things, some of them at a time."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def in_parts(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Split a list into parts of up to so many items.

    Examples
    --------
    >>> in_parts("abcde", 2)
    ['ab', 'cd', 'e']
    """
    return [items[start : start + size] for start in range(0, len(items), size)]
