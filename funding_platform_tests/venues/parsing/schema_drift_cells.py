"""The matrix of drift: what can change in a venue's answers, and what nobody can tell from one.

A cell is a venue, a dataset, a mutation and, where the mutation is of a field, that field.
"""

from collections.abc import Iterator
from typing import NamedTuple

from funding_platform.sandbox.faults import Body, Fault, FieldFault, Rows
from funding_platform_tests.venues.parsing.schema_drift_fields import (
    MONEY,
    ONE_BY_ONE,
    Dataset,
    Kind,
)


class Mutation(NamedTuple):
    """One way to spoil an answer: of a field of certain kinds, or of the whole answer."""

    name: str
    actions: tuple[str, ...]
    kinds: frozenset[Kind] | None


_NUMBERS: frozenset[Kind] = frozenset({"rate", "interval", "price"})
_ALL: frozenset[Kind] = _NUMBERS | {"side", "time"}

MUTATIONS: tuple[Mutation, ...] = (
    Mutation("missing", ("drop",), _ALL),
    Mutation("null", ("null",), _ALL),
    Mutation("renamed", ("rename",), _ALL),
    Mutation("mistyped", ("mistype",), _ALL),
    Mutation("unit x100", ("hundredfold",), _NUMBERS),
    Mutation("sign flip", ("negate",), _NUMBERS | {"side"}),
    Mutation("time", ("shift_time", "rescale_time"), frozenset({"time"})),
    Mutation("NaN", ("nan",), _ALL),
    Mutation("duplicate", ("duplicate",), None),
    Mutation("reorder", ("reverse",), None),
    Mutation("truncated page", ("drop_tail",), None),
    Mutation("HTML", ("html",), None),
)


class Cell(NamedTuple):
    """One field of the matrix."""

    venue: str
    dataset: Dataset
    mutation: str
    action: str
    path: str
    field: str

    @property
    def fault(self) -> Fault:
        """What the sandbox is told to do."""
        where = {"venue": self.venue, "path": self.path}
        if self.field:
            return FieldFault(action=self.action, field=self.field, **where)
        if self.action == "html":
            return Body(action="html", **where)
        return Rows(action=self.action, **where)

    def __str__(self) -> str:
        return "-".join(filter(None, (self.venue, self.dataset, self.action, self.field)))


def cells() -> Iterator[Cell]:
    """The whole matrix."""
    for venue, datasets in MONEY.items():
        for dataset, money in datasets.items():
            for mutation in MUTATIONS:
                for action in mutation.actions:
                    if mutation.kinds is None:
                        path = ONE_BY_ONE.get(venue, "") if dataset == "snapshot" else ""
                        yield Cell(venue, dataset, mutation.name, action, path or money[0].path, "")
                    else:
                        for field in money:
                            if field.kind in mutation.kinds:
                                yield Cell(
                                    venue, dataset, mutation.name, action, field.path, field.name
                                )


class Untold(NamedTuple):
    """Cells that no single payload gives away, and what finds them.

    ``fields`` are ``venue field``, or the venue alone where whole rows are concerned.
    """

    mutation: str
    dataset: Dataset
    found_by: str
    fields: tuple[str, ...]


_SETTLED = (
    "binance fundingRate",
    "bybit fundingRate",
    "okx realizedRate",
    "hyperliquid fundingRate",
    "extended f",
    "backpack fundingRate",
    "grvt funding_rate",
    "edgex fundingRate",
    "aster fundingRate",
    "deribit interest_1h",
    "paradex funding_index",
    "drift fundingRateLong",
)

_PREDICTED = (
    "binance lastFundingRate",
    "bybit fundingRate",
    "okx fundingRate",
    "hyperliquid funding",
    "lighter rate",
    "extended fundingRate",
    "backpack fundingRate",
    "grvt funding_rate",
    "edgex forecastFundingRate",
    "aster lastFundingRate",
    "deribit funding_8h",
    "paradex funding_rate",
    "drift long",
)

UNTOLD: tuple[Untold, ...] = (
    Untold(
        "unit x100",
        "history",
        "predicted_agrees",
        (
            *_SETTLED,
            "lighter rate",
            "paradex funding_premium",
            "paradex funding_rate",
            "drift oraclePriceTwap",
        ),
    ),
    Untold("unit x100", "snapshot", "predicted_agrees", _PREDICTED),
    Untold("unit x100", "snapshot", "second_opinion", ("coingecko funding_rate",)),
    Untold("sign flip", "history", "predicted_agrees", (*_SETTLED, "lighter direction")),
    Untold("sign flip", "snapshot", "predicted_agrees", _PREDICTED),
    Untold("sign flip", "snapshot", "second_opinion", ("coingecko funding_rate",)),
    Untold("reorder", "snapshot", "second_opinion", ("hyperliquid",)),
    Untold(
        "truncated page",
        "snapshot",
        "covers_listed",
        (
            "binance",
            "bybit",
            "okx",
            "lighter",
            "extended",
            "backpack",
            "grvt",
            "edgex",
            "aster",
            "deribit",
            "paradex",
            "drift",
        ),
    ),
    Untold("truncated page", "snapshot", "nothing", ("coingecko",)),
)
"""The one list of what passes. Everything else in the matrix is caught or harmless."""


def found_by() -> dict[Cell, str]:
    """What finds each cell of ``UNTOLD``."""
    named = {(cell.mutation, cell.dataset, f"{cell.venue} {cell.field}".strip()): cell
             for cell in cells() if cell.mutation != "time"}  # fmt: skip
    return {
        named[row.mutation, row.dataset, field]: row.found_by
        for row in UNTOLD
        for field in row.fields
    }
