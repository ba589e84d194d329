"""Tables of schema ``features``: what is computed from the collected ones."""

from typing import Final

from funding_platform.core.tables.columns import (
    AVAILABLE_AT,
    PER_YEAR,
    VENUE,
    VENUE_SYMBOL,
    yearly_column,
)
from funding_platform.core.tables.schema import Column, Table, Type

BUCKETS: Final = tuple(f"b{k}" for k in range(8))
"""The eight tenor buckets of a funding curve, newest first."""

CURVE_KEY: Final = ("venue", "venue_symbol", "as_of", "kind")

_CURVE_IDENTITY = (
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
        *_CURVE_IDENTITY,
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
            "8 * ln(1/2) / ln(phi), phi the least-squares slope of b_k on b_(k+1), k = 0..6; null "
            "unless all buckets are known, b1..b7 deviate by 0.01 or more, 0 < phi < 1, and it is "
            "at most 640 hours.",
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

PCA_COMPONENTS: Final = ("pc1", "pc2", "pc3")
"""The principal components that are kept: level, slope and curvature, where markets are orderly."""

_SCOPE = Column(
    "scope",
    Type.TEXT,
    "instrument: fitted to the strips of one; venue: to all strips of the venue's instruments.",
    nullable=False,
    values=("instrument", "venue"),
)

PCA_MODELS: Final = Table(
    "features",
    "pca_models",
    "Principal components of the funding curves of a window: one row per fit that was due, "
    "whether or not there was enough to fit.",
    key=("model_id",),
    columns=(
        Column(
            "model_id",
            Type.TEXT,
            "scope:venue[:venue_symbol]:month, e.g. instrument:binance:BTCUSDT:2026-03.",
            nullable=False,
        ),
        _SCOPE,
        VENUE,
        Column("venue_symbol", Type.TEXT, "The venue's own symbol; null for a venue's model."),
        Column(
            "status",
            Type.TEXT,
            "fitted; sparse: too few strips; constant: strips that do not vary; overflow: yields "
            "whose squares exceed any float. All but fitted have no components.",
            nullable=False,
            values=("fitted", "sparse", "constant", "overflow"),
        ),
        Column("window_start", Type.TIME, "Strips are seen from after this instant.", None, False),
        Column(
            "window_end",
            Type.TIME,
            "The last instant that a strip is seen from; the model applies after it.",
            nullable=False,
        ),
        Column(
            "available_at",
            Type.TIME,
            "When the last of the strips was known, at the end of the window at the earliest.",
            nullable=False,
        ),
        Column(
            "previous_model_id", Type.TEXT, "The fitted model that the components are matched to."
        ),
        Column("n_instruments", Type.INTEGER, "Instruments seen in the window.", None, False, 1),
        Column("n_strips", Type.INTEGER, "Strips fitted: settled and usable.", None, False, 0),
        Column("first_strip_at", Type.TIME, "as_of of the first strip; null where there is none."),
        Column(
            "coverage",
            Type.REAL,
            "n_strips / (n_instruments * boundaries in the window).",
            "fraction",
            nullable=False,
            minimum=0.0,
            maximum=1.0,
        ),
        Column("rank", Type.INTEGER, "Numerical rank of the covariance.", None, True, 0, 8),
        Column("rank_deficient", Type.FLAG, "True where the rank is below eight."),
        Column(
            "total_variance",
            Type.REAL,
            "Sum of the buckets' sample variances.",
            "squared fraction per year",
            minimum=0.0,
        ),
        *(
            Column(
                f"{pc}_share",
                Type.REAL,
                f"Share of {pc} in the total variance; null beyond the rank.",
                "fraction",
                minimum=0.0,
                maximum=1.0,
            )
            for pc in PCA_COMPONENTS
        ),
        *(
            Column(
                f"{pc}_drift_degrees",
                Type.REAL,
                f"Angle between {pc} and that of the previous model, signs aside.",
                "degrees",
                minimum=0.0,
                maximum=90.0,
            )
            for pc in PCA_COMPONENTS
        ),
        *(
            Column(
                f"{pc}_flipped",
                Type.FLAG,
                f"True where the sign convention turned {pc} against that of the previous model.",
            )
            for pc in PCA_COMPONENTS
        ),
        *(yearly_column(f"mean_{b}", f"Mean of {b} over the strips.") for b in BUCKETS),
        *(
            Column(
                f"{pc}_{b}", Type.REAL, f"Loading of {pc} on {b}.", "unit vector", True, -1.0, 1.0
            )
            for pc in PCA_COMPONENTS
            for b in BUCKETS
        ),
    ),
    partition_by=("year(window_end)", "month(window_end)"),
    sort_by=("scope", "venue", "venue_symbol", "window_end"),
)

PCA_SCORES: Final = Table(
    "features",
    "pca_scores",
    "Each usable funding curve in the components of the newest model whose window ended before it: "
    "its instrument's and its venue's.",
    key=(*CURVE_KEY, "model_id"),
    columns=(
        *_CURVE_IDENTITY,
        _SCOPE,
        Column("model_id", Type.TEXT, "The model in features.pca_models.", nullable=False),
        *(
            yearly_column(pc, f"(strip - mean) . {pc}; null where the model has no {pc}.")
            for pc in PCA_COMPONENTS
        ),
        Column(
            "residual",
            Type.REAL,
            "Length of what the components leave of strip - mean.",
            PER_YEAR,
            nullable=False,
            minimum=0.0,
        ),
        Column(
            "residual_share",
            Type.REAL,
            "Squared residual over the squared length of strip - mean; null where that is nothing.",
            "fraction",
            minimum=0.0,
            maximum=1.0,
        ),
        AVAILABLE_AT,
    ),
    partition_by=("year(as_of)", "month(as_of)"),
    sort_by=(*CURVE_KEY, "model_id"),
)
