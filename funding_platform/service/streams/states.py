"""What a channel shows at one moment, and how it differs from the moment before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Literal

import polars as pl

from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.service.streams.messages import Channel, Filters

KEYS: Final[Mapping[Channel, tuple[str, ...]]] = {
    "funding_rates": ("venue", "venue_symbol"),
    "opportunities": OPPORTUNITIES.key,
    "curves": ("venue", "venue_symbol"),
    "events": ("number",),
}
"""What tells the rows of a channel apart."""

_UNTOLD: Final = ("observed_at", "long_observed_at", "short_observed_at")
"""Columns whose change alone is none: they move with every look."""

Row = dict[str, Any]
Key = tuple[Any, ...]


@dataclass(frozen=True)
class State:
    """What a channel shows.

    Parameters
    ----------
    rows
        By key.
    as_of
        The newest instant that it tells of.
    source
        ``live`` or ``lake``.
    """

    rows: Mapping[Key, Row]
    as_of: datetime | None
    source: Literal["live", "lake"]


EMPTY: Final = State({}, None, "lake")


@dataclass(frozen=True)
class Step:
    """What has changed in a channel from one sequence to a later one.

    Parameters
    ----------
    sequence
        Of the later one.
    before, after
        The rows that have changed, by key, as they were and as they are; None where there was, or
        is, none.
    """

    sequence: int
    before: Mapping[Key, Row | None]
    after: Mapping[Key, Row | None]

    def __len__(self) -> int:
        return len(self.after)


def state_of(
    channel: Channel, frame: pl.DataFrame, as_of: datetime | None, source: Literal["live", "lake"]
) -> State:
    """Make the state that a frame shows."""
    key = KEYS[channel]
    return State({tuple(row[name] for name in key): row for row in frame.to_dicts()}, as_of, source)


def step_between(before: State, after: State, sequence: int) -> Step:
    """Tell what has changed."""
    now: dict[Key, Row | None] = {
        key: row for key, row in after.rows.items() if _differs(before.rows.get(key), row)
    }
    now |= dict.fromkeys(before.rows.keys() - after.rows.keys())
    return Step(sequence, {key: before.rows.get(key) for key in now}, now)


def _differs(before: Row | None, after: Row) -> bool:
    if before is None:
        return True
    return before != after and any(
        before[name] != value for name, value in after.items() if name not in _UNTOLD
    )


def joined(steps: Sequence[Step]) -> Step:
    """Make one step of several: of each row how it was before all and how it is after them."""
    if len(steps) == 1:
        return steps[0]
    before: dict[Key, Row | None] = {}
    after: dict[Key, Row | None] = {}
    for step in steps:
        for key, row in step.before.items():
            before.setdefault(key, row)
        after.update(step.after)
    return Step(steps[-1].sequence, before, after)


def wanted_of(step: Step, filters: Filters) -> tuple[list[Row], list[Key]]:
    """Return the rows of a step that pass, and the keys of those that passed and do no more."""
    rows = [row for row in step.after.values() if row is not None and passes(filters, row)]
    gone = [
        key
        for key, row in step.after.items()
        if (row is None or not passes(filters, row))
        and (was := step.before[key]) is not None
        and passes(filters, was)
    ]
    return rows, gone


def passes(filters: Filters, row: Row) -> bool:
    """Tell whether a row is wanted."""
    venues, bases, symbols, tiers = _sets(filters)
    return (
        (not venues or not venues.isdisjoint(_values(row, "venue")))
        and (not bases or row.get("base") in bases)
        and (not symbols or not symbols.isdisjoint(_values(row, "symbol")))
        and (not tiers or "tier" not in row or row["tier"] in tiers)
        and _pays(filters.min_net_apr, row)
    )


@lru_cache(maxsize=1024)
def _sets(filters: Filters) -> tuple[frozenset[str], ...]:
    wanted = (filters.venues, filters.bases, filters.symbols, filters.tiers)
    return tuple(frozenset(names) for names in wanted)


def _values(row: Row, name: str) -> tuple[Any, ...]:
    """Return what a row, or either leg of a pair, has under a name."""
    if f"long_{name}" in row:
        return row[f"long_{name}"], row[f"short_{name}"]
    return (row.get("venue_symbol" if name == "symbol" else name),)


def _pays(least: float | None, row: Row) -> bool:
    if least is None or "net_apr" not in row:
        return True
    return row["net_apr"] is not None and row["net_apr"] >= least
