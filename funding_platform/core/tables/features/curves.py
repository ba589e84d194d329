"""Curves and their factors: tables of schema ``features`` that are computed from collected ones.

Their principal components are in ``core.tables.features.pca``.
"""

from typing import Final

from funding_platform.core.tables.columns import (
    AVAILABLE_AT,
    VENUE,
    VENUE_SYMBOL,
    yearly_column,
)
from funding_platform.core.tables.schema import Column, Table, Type

BUCKETS: Final = tuple(f"b{k}" for k in range(8))
"""The eight tenor buckets of a funding curve, newest first."""

CURVE_KEY: Final = ("venue", "venue_symbol", "as_of", "kind")

CURVE_IDENTITY = (
    VENUE,
    VENUE_SYMBOL,
    Column(
        "as_of",
        Type.TIME,
        "The window boundary that the curve is seen from; of a live curve emitted at every "
        "collection or on the 10-minute grid, the instant of it.",
        nullable=False,
    ),
    Column(
        "kind",
        Type.TEXT,
        "settled: b0 is the window that ends at as_of; live: b0 is the window that runs at "
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
        *CURVE_IDENTITY,
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

_TRAILING = (
    "the settled curves of the same instrument with as_of in [as_of - 28 days, as_of), at least 21 "
    "of them"
)

CURVE_FACTORS: Final = Table(
    "features",
    "curve_factors",
    "What a funding curve says as of its available_at, one row per curve. b0 is the newest bucket "
    "within the guard's bounds throughout; the raw one stays in features.curve_snapshots.",
    key=CURVE_KEY,
    columns=(
        *CURVE_IDENTITY,
        Column(
            "outlier",
            Type.FLAG,
            "Whether the raw b0 lies further than max(10 sigma, 1) from the median of b1..b7 in "
            "ln(1 + b), sigma = max(1.4826 * MAD, 0.01); the guard puts such a b0 on that bound. "
            "Null where b0 or more than three of b1..b7 are missing.",
        ),
        yearly_column("level", "b0."),
        yearly_column("slope", "b7 - b0."),
        yearly_column("curvature", "b2 + b5 - 2 * b3."),
        *(
            Column(
                f"decay_{k}",
                Type.REAL,
                f"b{k + 1} / b{k}; null where abs(b{k}) < 0.01 per year.",
                "ratio",
            )
            for k in range(len(BUCKETS) - 1)
        ),
        Column(
            "shock_age",
            Type.INTEGER,
            "The smallest k with abs(b_k - b0) > 3 sigma, sigma = max(1.4826 * MAD of b1..b7, "
            "0.01); null where there is none.",
            "buckets of 8 hours",
            minimum=1,
            maximum=7,
        ),
        Column(
            "half_life_hours",
            Type.REAL,
            "8 * ln(1/2) / ln(phi), phi the slope of b_k on b_(k+1), k = 0..6, debiased; null "
            "unless all buckets are known, b1..b7 deviate by 0.01 or more, the slope is none that "
            "white noise shows (one-sided, 1 %), 0 < phi < 1, and it is at most 640 hours.",
            "hours",
            minimum=0.0,
            maximum=640.0,
        ),
        Column(
            "level_z",
            Type.REAL,
            f"(level - mean) / max(s, 0.01), with mean and sample deviation s of {_TRAILING}.",
            "standard deviations",
        ),
        Column(
            "slope_z",
            Type.REAL,
            f"(slope - mean) / max(s, 0.01), with mean and sample deviation s of {_TRAILING}.",
            "standard deviations",
        ),
        yearly_column(
            "dispersion",
            "Sample standard deviation of level across the instruments of one base, this one "
            "included, on at least two venues: of each the newest curve of the same kind that was "
            "available, as_of at most 8 hours before this one's.",
        ),
        Column(
            "basis",
            Type.REAL,
            "(mark - index) / index of the newest market snapshot observed at available_at or at "
            "most two hours before.",
            "fraction of the index price",
        ),
        Column(
            "open_interest_change",
            Type.REAL,
            "oi / oi_before - 1, open interest in the base, of the newest market snapshots "
            "observed at available_at and eight hours earlier, each at most two hours before.",
            "fraction per 8 hours",
            minimum=-1.0,
        ),
        AVAILABLE_AT,
    ),
    partition_by=("year(as_of)", "month(as_of)"),
    sort_by=CURVE_KEY,
)
