"""``features.feature_store``: every feature of an instrument side by side, derived from its parts.

A feature is a column of ``features.curve_snapshots``, ``curve_factors`` or ``pca_scores`` that is
no part of a key. What is added there appears here, in ``docs/features.md`` and in the lake.
"""

from dataclasses import replace
from typing import Final

from funding_platform.core.tables.columns import AVAILABLE_AT
from funding_platform.core.tables.features.curves import CURVE_FACTORS, CURVE_KEY, CURVE_SNAPSHOTS
from funding_platform.core.tables.features.pca import PCA_SCORES
from funding_platform.core.tables.schema import Column, Table, Type

PCA_PREFIXES: Final = {"instrument": "pca", "venue": "venue_pca"}
"""What the columns of ``features.pca_scores`` are called here, by the scope of their model."""

_NO_FEATURE = {*CURVE_KEY, "scope", AVAILABLE_AT.name}


def features_of(table: Table) -> tuple[Column, ...]:
    """Return the columns of a table that are features."""
    return tuple(column for column in table.columns if column.name not in _NO_FEATURE)


def _pca_column(column: Column, scope: str) -> Column:
    """Declare a score as a feature: absent where no model applies."""
    whose = f"In the model of the {scope}: "
    return replace(
        column,
        name=f"{PCA_PREFIXES[scope]}_{column.name}",
        description=whose + column.description,
        nullable=True,
    )


PCA_FEATURES: Final = tuple(
    _pca_column(column, scope) for scope in PCA_PREFIXES for column in features_of(PCA_SCORES)
)

FACTOR_FEATURES: Final = tuple(
    replace(column, nullable=True) for column in features_of(CURVE_FACTORS)
)

CURVE_FEATURES: Final = features_of(CURVE_SNAPSHOTS)

FEATURE_GROUPS: Final = (
    ("The curve", CURVE_SNAPSHOTS, CURVE_FEATURES),
    ("Its factors", CURVE_FACTORS, FACTOR_FEATURES),
    ("Its principal components", PCA_SCORES, PCA_FEATURES),
)
"""All features, by where they come from: a title, the table, the columns of the store."""

FEATURE_STORE: Final = Table(
    "features",
    "feature_store",
    "Everything known of an instrument's funding curve: buckets, factors and principal components, "
    "one row per curve, known as a whole from available_at on.",
    key=CURVE_KEY,
    columns=(
        *(column for column in CURVE_SNAPSHOTS.columns if column.name in CURVE_KEY),
        Column("base", Type.TEXT, "Canonical base asset; null where it is not known."),
        *(column for _, _, columns in FEATURE_GROUPS for column in columns),
        Column(
            AVAILABLE_AT.name,
            Type.TIME,
            "The earliest anyone could have known all of the row.",
            nullable=False,
        ),
    ),
    partition_by=("year(as_of)", "month(as_of)"),
    sort_by=CURVE_KEY,
)
