"""What sizes of inverse contracts are in base, for rows of the store that only have US dollars.

An order or a holding is what it is at the mid that its pair was decided on. A fill is what it does
to the base that its leg is in US dollars (``execution.pair.exposure``), so that side, base and
price of the fills of a leg are its cash, as those of a linear one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from funding_platform.execution.pair.exposure import traded
from funding_platform.execution.pair.written import key_of
from funding_platform.execution.store.changes import Key
from funding_platform.execution.store.journal import Journal
from funding_platform.execution.store.records import FillRecord

Leg = tuple[str, str]
"""Pair and leg."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of inverse legs and their fills; all others are base already."""

    per_base: Mapping[Leg, Decimal] = field(default_factory=dict)
    of_fill: Mapping[Key, Decimal] = field(default_factory=dict)

    def told(self, row: Mapping[str, Any], *names: str) -> dict[str, Any]:
        """Return a row with its sizes in base, and in US dollars where that is what they are."""
        leg = row["pair_id"], row["leg"]
        per_base = self.per_base.get(leg)
        told = dict(row)
        for name in names:
            size = row[name]
            told[f"{name}_base"] = size if per_base is None else size / per_base
            told[f"{name}_usd"] = None if per_base is None else size
        if "fill_id" in row:
            key = row["venue"], row["venue_symbol"], row["fill_id"]
            told["quantity_base"] = self.of_fill.get(key, told["quantity_base"])
        return told


def sizes_of(journal: Journal, rows: Iterable[Mapping[str, Any]]) -> Sizes:
    """Read the inverse legs that rows are of, and work out what all fills of those are."""
    concerned = {row["pair_id"] for row in rows if row["pair_id"] is not None}
    found = journal.inverse_legs(*concerned)
    legs = {(leg.pair_id, str(leg.leg)): leg.per_base for leg in found}
    fills: defaultdict[Leg, list[FillRecord]] = defaultdict(list)
    pairs = {pair_id for pair_id, _ in legs}
    for fill in journal.fills(*pairs):
        fills[str(fill.pair_id), str(fill.leg)].append(fill)
    trades = (one for leg in legs for one in traded(True, fills[leg]))
    return Sizes(legs, {key_of(one.fill): abs(one.base) for one in trades})
