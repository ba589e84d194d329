"""The strips once more: plain Python, one clock, one deque, fed print by print.

Slow and independent. It shares no code with the package; the rules are those that the
docstrings of ``curves.windows``, ``curves.phases`` and ``curves.strips`` state.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Settled(NamedTuple):
    hour: int
    time: datetime
    rate: float
    interval: float | None


def slow_curves(prints: Sequence[tuple[datetime, float, float | None]]) -> list[dict[str, Any]]:
    """Settled strips of one instrument, from its settlements in order of time."""
    queue = deque(
        Settled((time + timedelta(minutes=30) - EPOCH) // timedelta(hours=1), time, rate, interval)
        for time, rate, interval in prints
    )
    strips: list[dict[str, Any]] = []
    seen: deque[Settled] = deque()
    clock = queue[0].hour
    while queue or seen:
        while queue and queue[0].hour <= clock:
            seen.append(queue.popleft())
        while seen and seen[0].hour <= clock - 64:
            seen.popleft()
        if not seen and queue:
            clock = queue[0].hour
            continue
        if clock % 8 == phase(seen):
            strips += strip(clock, seen)
        clock += 1
    return strips


def phase(seen: deque[Settled]) -> int:
    for settled in reversed(seen):
        if settled.interval == 8:
            return settled.hour % 8
    return 0


def strip(clock: int, seen: deque[Settled]) -> Iterator[dict[str, Any]]:
    windows: list[list[Settled]] = [[] for _ in range(8)]
    for settled in seen:
        windows[(clock - settled.hour) // 8].append(settled)
    known = [window_yield(window) for window in windows]
    if all(y is None for y in known):
        return
    full = [fill(k, known) for k in range(8)]
    n_interpolated = sum(y is not None for y in full) - sum(y is not None for y in known)
    as_of = EPOCH + timedelta(hours=clock)
    yield {
        "as_of": as_of,
        **{f"b{k}": y for k, y in enumerate(full)},
        "n_interpolated": n_interpolated,
        "usable": known[0] is not None and known[7] is not None and n_interpolated <= 2,
        "available_at": max([as_of, told_at(as_of, windows[0]), *(s.time for s in seen)]),
    }


def told_at(as_of: datetime, window: list[Settled]) -> datetime:
    """When it is certain that nothing more settles in the newest window."""
    at_the_boundary = any(settled.hour * HOUR + EPOCH == as_of for settled in window)
    covered = sum(min(settled.interval or 0, 8) for settled in window)
    return as_of if at_the_boundary or covered >= 8 else as_of + HOUR / 2


def window_yield(window: list[Settled]) -> float | None:
    total = covered = 0.0
    sure = True
    for _, _, rate, interval in window:
        if interval is None:
            sure = False
            total += rate
        elif interval > 8:
            total += rate * 8 / interval
            covered += 8
        else:
            total += rate
            covered += interval
    if covered < 4:
        return None
    if covered < 8 and sure:
        total *= 8 / covered
    return float((1 + total) ** (365 * 3) - 1)


def fill(k: int, known: list[float | None]) -> float | None:
    if known[k] is not None:
        return known[k]
    newer = [(i, y) for i, y in enumerate(known[:k]) if y is not None]
    older = [(j, y) for j, y in enumerate(known) if j > k and y is not None]
    if not newer or not older:
        return None
    (i, left), (j, right) = newer[-1], older[0]
    return left + (right - left) / (j - i) * (k - i)
