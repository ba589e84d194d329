"""Principal components of funding curves, and the curves in them: tables of schema ``features``."""

from typing import Final

from funding_platform.core.tables.columns import (
    AVAILABLE_AT,
    PER_YEAR,
    VENUE,
    yearly_column,
)
from funding_platform.core.tables.features.curves import BUCKETS, CURVE_IDENTITY, CURVE_KEY
from funding_platform.core.tables.schema import Column, Table, Type

PCA_COMPONENTS: Final = ("pc1", "pc2", "pc3")
"""The principal components that are kept: level, slope and curvature, where markets are orderly."""

PCA_TRANSFORMS: Final = ("yield", "log1p")
"""In what coordinates strips are fitted and scored."""

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
            "scope:venue[:venue_symbol]:month, e.g. instrument:binance:BTCUSDT:2026-03; with "
            ":log1p after it where that is the transform.",
            nullable=False,
        ),
        _SCOPE,
        VENUE,
        Column("venue_symbol", Type.TEXT, "The venue's own symbol; null for a venue's model."),
        Column(
            "transform",
            Type.TEXT,
            "What is fitted: yield, the buckets b as they are; log1p, ln(1 + b), in which a spike "
            "weighs by its factor and not by its size. Null in rows of an older version: yield.",
            values=PCA_TRANSFORMS,
        ),
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
            "squared fraction per year; of ln(1 + b), its square",
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
        *(
            yearly_column(f"mean_{b}", f"Mean over the strips of {b}, transformed.")
            for b in BUCKETS
        ),
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
        *CURVE_IDENTITY,
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
