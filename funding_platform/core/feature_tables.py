"""Tables of schema ``features``: what is computed from the collected ones."""

from typing import Final

from funding_platform.core.columns import AVAILABLE_AT, VENUE, VENUE_SYMBOL, yearly_column
from funding_platform.core.schema import Column, Table, Type

BUCKETS: Final = tuple(f"b{k}" for k in range(8))
"""The eight tenor buckets of a funding curve, newest first."""

CURVE_KEY: Final = ("venue", "venue_symbol", "as_of", "kind")

_CURVE_IDENTITY = (
    VENUE,
    VENUE_SYMBOL,
    Column("as_of", Type.TIME, "The window boundary that the curve is seen from.", None, False),
    Column(
        "kind",
        Type.TEXT,
        "settled: b0 is the window that ends at as_of; live: b0 is the window that runs from "
        "as_of, at its predicted rate.",
        nullable=False,
        values=("settled", "live"),
    ),
)

CURVE_SNAPSHOTS: Final = Table(
    "features",
    "curve_snapshots",
    "The funding term structure: annualised funding of eight consecutive 8-hour windows.",
    key=CURVE_KEY,
    columns=(
        *_CURVE_IDENTITY,
        *(
            yearly_column(name, f"Yield of window {k} back: (1 + r_8h)^1095 - 1.")
            for k, name in enumerate(BUCKETS)
        ),
        Column(
            "n_interpolated",
            Type.INTEGER,
            "Inner buckets without enough settlements, filled linearly in yield.",
            nullable=False,
            minimum=0,
            maximum=6,
        ),
        Column(
            "usable",
            Type.FLAG,
            "False when an edge bucket is missing or more than two were interpolated.",
            nullable=False,
        ),
        AVAILABLE_AT,
    ),
    partition_by=("year(as_of)", "month(as_of)"),
    sort_by=CURVE_KEY,
)

CURVE_FACTORS: Final = Table(
    "features",
    "curve_factors",
    "What the shape of a funding curve says, one row per curve.",
    key=CURVE_KEY,
    columns=(
        *_CURVE_IDENTITY,
        yearly_column("level", "b0."),
        yearly_column("slope", "b7 - b0."),
        yearly_column("curvature", "b2 + b5 - 2 * b3."),
        AVAILABLE_AT,
    ),
    partition_by=("year(as_of)", "month(as_of)"),
    sort_by=CURVE_KEY,
)
