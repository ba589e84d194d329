"""The best pair of legs on each base: the inner loop of the carry strategies."""

from typing import NamedTuple

import numpy as np

from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.system.compiled import compiled


class Pairs(NamedTuple):
    """One row per base: legs (-1 where there is no pair) and what they are expected to net."""

    long: Ints
    short: Ints
    net: Floats


@compiled
def best_pairs(
    members: Ints,
    first: Ints,
    venue: Ints,
    long_score: Floats,
    short_score: Floats,
) -> Pairs:
    """``max long_score[i] + short_score[j]`` over each base's ``i`` and ``j`` on two venues.

    The sum separates, so the best and the best on another venue of either side are enough. Ties go
    to the lower row.

    Parameters
    ----------
    members, first
        Instruments in the order of their bases, and where each base begins, with the end.
    venue
        Of each instrument.
    long_score, short_score
        What an instrument adds as either leg; NaN where it cannot be that leg.
    """
    count = len(first) - 1
    long = np.full(count, -1, dtype=np.int64)
    short = np.full(count, -1, dtype=np.int64)
    net = np.full(count, -np.inf)
    for base in range(count):
        rows = members[first[base] : first[base + 1]]
        longs = _best_two(rows, venue, long_score)
        shorts = _best_two(rows, venue, short_score)
        for one in longs:
            for other in shorts:
                if one >= 0 and other >= 0 and venue[one] != venue[other]:
                    value = long_score[one] + short_score[other]
                    if value > net[base]:
                        long[base], short[base], net[base] = one, other, value
    return Pairs(long, short, net)


@compiled
def _best_two(rows: Ints, venue: Ints, score: Floats) -> tuple[int, int]:
    """Find the best row, and the best on another venue; -1 where there is none."""
    best = second = -1
    for row in rows:
        if not np.isnan(score[row]) and (best < 0 or score[row] > score[best]):
            best = row
    for row in rows:
        elsewhere = best >= 0 and venue[row] != venue[best] and not np.isnan(score[row])
        if elsewhere and (second < 0 or score[row] > score[second]):
            second = row
    return best, second


def best_first(pairs: Pairs, wanted: Flags) -> Ints:
    """Rank the bases that are wanted, the best net first; of equal ones the lower."""
    bases = np.flatnonzero(wanted)
    ranked: Ints = bases[np.argsort(-pairs.net[bases], kind="stable")]
    return ranked


def held_bases(base: Ints, long: Ints, short: Ints) -> Ints:
    """Return the base of each position, whichever leg it has."""
    return base[np.where(long >= 0, long, short)]
