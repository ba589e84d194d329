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
        value = score[row]
        if np.isnan(value):
            continue
        if best < 0 or value > score[best]:
            if best >= 0 and venue[row] != venue[best]:
                second = best
            best = row
        elif venue[row] != venue[best] and (second < 0 or value > score[second]):
            second = row
    return best, second


@compiled
def scores(
    rates: Floats, usable: Flags, allowed: Floats, cost_bps: Floats, horizon: float, margin: float
) -> tuple[Floats, Floats]:
    """Tell what each instrument adds to a pair as its long leg, and as its short one.

    Parameters
    ----------
    rates
        Per 8 hours.
    usable
        Which may be a leg at all.
    allowed
        0 for those that may be the short leg, NaN for the others.
    cost_bps
        Of one fill.
    horizon
        Over which funding must pay, in 8 hours.
    margin
        What a leg's fills cost, per basis point of one.
    """
    long, short = np.empty(len(rates)), np.empty(len(rates))
    for row in range(len(rates)):
        earned, cost = rates[row] * horizon, margin * cost_bps[row]
        one = 0.0 if usable[row] else np.nan
        long[row] = one - earned - cost
        short[row] = allowed[row] + one + earned - cost
    return long, short


def best_first(pairs: Pairs, wanted: Flags) -> Ints:
    """Rank the bases that are wanted, the best net first; of equal ones the lower."""
    bases = np.flatnonzero(wanted)
    ranked: Ints = bases[np.argsort(-pairs.net[bases], kind="stable")]
    return ranked


def held_bases(base: Ints, long: Ints, short: Ints) -> Ints:
    """Return the base of each position, whichever leg it has."""
    return base[np.where(long >= 0, long, short)]
