"""How the price of a base moved from instant to instant, over all its markets.

A market states its price on a clock of its own. Between two of its prices it is taken to have moved
as the others of the same base did, so that any two of them can be priced at one instant, each with
the basis it had when it was last seen. With ``p_j(t)`` what market ``j`` states at ``t``, and
``v_j(t)`` what it is taken to be worth:

``move(t)  = median over j that state a price at t of p_j(t) / v_j(t-)``
``v_j(t)   = p_j(t)`` where it states one, else ``v_j(t-) * move(t)``

Only what was stated by ``t`` is in ``move(t)``, and none of it is older than a week.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from funding_platform.core.arrays import Floats, Ints
from funding_platform.core.system.compiled import compiled
from funding_platform.core.time_grid import HOUR_US

SAME_INSTANT_US: Final = HOUR_US // 60
"""Prices less than a minute apart are of one instant: a sweep over venues takes seconds."""

_BASIS_KEPT_US: Final = 168 * HOUR_US
"""Unseen for longer, what a market was worth tells nothing of how its next price moved."""

_SAME_ASSET: Final = 2.0
"""A market seen for the first time tells how the base moved unless its price differs by so much."""

_LONG_AGO: Final = -(1 << 62)
_NEVER: Final = np.iinfo(np.int64).max


class Reference(NamedTuple):
    """Moves of each base at the instants at which one of its markets stated a price."""

    first: Ints
    """By base, as in ``Facts.base``."""
    time_us: Ints
    move: Floats
    """Price at the instant over the price at the instant before."""
    sources: NDArray[np.int16]
    """Markets that the move was seen on."""


def build_reference(base: Ints, first: Ints, time_us: Ints, price: Floats) -> Reference:
    """Compute the moves of all bases.

    Parameters
    ----------
    base
        Number of the base of each instrument.
    first, time_us, price
        Prices as they became known, instrument after instrument: of instrument ``i`` rows
        ``first[i]`` to ``first[i + 1]``, in the order of time.
    """
    order = np.argsort(base, kind="stable")
    bounds = np.searchsorted(base[order], np.arange(int(base.max(initial=-1)) + 2))
    members = [order[begin:end] for begin, end in pairwise(bounds)]
    with ThreadPoolExecutor() as pool:  # compiled code that holds no lock
        parts = list(pool.map(lambda of_base: _moves(of_base, first, time_us, price), members))
    counts = [len(times) for times, _, _ in parts]
    times, moves, sources = (
        [part[column] for part in parts] or [np.empty(0, kind)]
        for column, kind in enumerate((np.int64, np.float64, np.int16))
    )
    return Reference(
        first=np.cumsum([0, *counts]).astype(np.int64),
        time_us=np.concatenate(times),
        move=np.concatenate(moves),
        sources=np.concatenate(sources),
    )


@compiled
def _moves(
    members: Ints, first: Ints, time_us: Ints, price: Floats
) -> tuple[Ints, Floats, NDArray[np.int16]]:
    """Instants, moves and sources of one base."""
    count = len(members)
    rows, ends = first[members], first[members + 1]
    states_us = np.empty(count, dtype=np.int64)  # when each next states a price
    for one in range(count):
        states_us[one] = time_us[rows[one]] if rows[one] < ends[one] else _NEVER
    worth, stamped = np.full(count, np.nan), np.full(count, _LONG_AGO)
    some = np.empty(count)
    most = (ends - rows).sum()
    times, moves = np.empty(most, dtype=np.int64), np.empty(most)
    sources = np.empty(most, dtype=np.int16)
    found = 0
    while True:
        now = _NEVER
        for one in range(count):
            now = min(now, states_us[one])
        if now == _NEVER:
            break
        seen = 0
        for one in range(count):
            if now - stamped[one] > _BASIS_KEPT_US:
                worth[one] = np.nan
            seen += states_us[one] == now or now - stamped[one] < SAME_INSTANT_US
        move = _move(rows, states_us, price, worth, stamped, some, now)
        for one in range(count):
            if states_us[one] == now:
                worth[one], stamped[one] = price[rows[one]], now
                rows[one] += 1
                states_us[one] = time_us[rows[one]] if rows[one] < ends[one] else _NEVER
            elif now - stamped[one] >= SAME_INSTANT_US:
                worth[one] *= move
        times[found], moves[found], sources[found] = now, move, seen
        found += 1
    return times[:found].copy(), moves[:found].copy(), sources[:found].copy()


@compiled
def _move(
    rows: Ints,
    states_us: Ints,
    price: Floats,
    worth: Floats,
    stamped: Ints,
    some: Floats,
    now: int,
) -> float:
    """Compute the median move of the markets seen at an instant.

    Where none of them has been seen before, their median price over what the others are worth; and
    no move where that is another asset's price, or nothing is known.
    """
    count = 0
    for one in range(len(rows)):
        if np.isnan(worth[one]):
            continue
        if states_us[one] == now:
            some[count] = price[rows[one]] / worth[one]
            count += 1
        elif now - stamped[one] < SAME_INSTANT_US:
            some[count] = 1.0
            count += 1
    if count:
        return _median(some, count)
    for one in range(len(rows)):
        if not np.isnan(worth[one]):
            some[count] = worth[one]
            count += 1
    if not count:
        return 1.0
    before = _median(some, count)
    count = 0
    for one in range(len(rows)):
        if states_us[one] == now:
            some[count] = price[rows[one]]
            count += 1
    move = _median(some, count) / before
    return move if 1.0 / _SAME_ASSET < move < _SAME_ASSET else 1.0


@compiled
def _median(some: Any, count: int) -> float:
    """Compute the median of the first values, which are put in order."""
    for one in range(1, count):
        value, place = some[one], one
        while place > 0 and some[place - 1] > value:
            some[place] = some[place - 1]
            place -= 1
        some[place] = value
    return float(0.5 * (some[(count - 1) // 2] + some[count // 2]))
