"""Which cases of a test ``make test`` runs, where each costs a lake, a venue or a process.

``@pytest.mark.sampled(3)`` has three of them run there, spread evenly over all; the others are of
the world. A rule is broken for all venues more often than for one: that shows at once, the rest
before a change goes in. A case that is of a tier by itself, as one that is for ``make fuzz``, is
none of them.
"""

from collections import defaultdict
from collections.abc import Sequence

import pytest

TIERS = ("world", "fuzz", "chaos", "cluster", "browser", "packaging")
"""Marks of what ``make test`` leaves to another command."""


def mark_what_is_left_out(items: Sequence[pytest.Item]) -> None:
    """Mark those cases of sampled tests as of the world that ``make test`` leaves out."""
    cases: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("sampled") and not any(map(item.get_closest_marker, TIERS)):
            cases[item.nodeid.partition("[")[0]].append(item)
    for those in cases.values():
        marker = those[0].get_closest_marker("sampled")
        assert marker is not None
        (count,) = marker.args
        chosen = spread(count, len(those))
        for number, item in enumerate(those):
            if number not in chosen:
                item.add_marker(pytest.mark.world)


def spread(count: int, total: int) -> frozenset[int]:
    """Choose so many of the numbers below ``total``, as far apart as they can be, 0 among them."""
    count = min(count, total)
    return frozenset(number * total // count for number in range(count))
