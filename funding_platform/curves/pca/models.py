"""Fits as rows of ``features.pca_models``: fitted where there is enough, aligned, named."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from funding_platform.core.arrays import Flags, Floats
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.features.curves import BUCKETS
from funding_platform.core.tables.features.pca import PCA_COMPONENTS, PCA_MODELS
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.curves.pca.alignment import Aligned, aligned
from funding_platform.curves.pca.components import (
    N_COMPONENTS,
    Components,
    is_finite,
    principal_components,
)
from funding_platform.curves.pca.inputs import Transform, time_key
from funding_platform.curves.pca.windows import Fits
from funding_platform.curves.windows import N_WINDOWS

LOADINGS: Final = tuple(f"{pc}_{bucket}" for pc in PCA_COMPONENTS for bucket in BUCKETS)
"""The columns of the loadings, component after component."""

MEANS: Final = tuple(f"mean_{bucket}" for bucket in BUCKETS)
"""The columns of the means."""


@dataclass(frozen=True, slots=True)
class Owners:
    """What the models of one scope are of, in which coordinates, and how they are named.

    ``names`` has a row of venue and venue_symbol per owner, the latter null for a venue;
    ``end_format`` writes the end of a window into the id of a model.
    """

    scope: str
    names: pl.DataFrame
    end_format: str
    transform: Transform = "yield"


def model_rows(fits: Fits, owners: Owners, previous: pl.DataFrame) -> pl.DataFrame:
    """Fit, align and describe all fits of one scope.

    Parameters
    ----------
    fits
        All that were due.
    owners
        Whose they are.
    previous
        Rows of ``features.pca_models`` from before the fits: the newest fitted one of an owner is
        what its first fit here is aligned to.

    Returns
    -------
    polars.DataFrame
        ``features.pca_models``, a row per fit, by owner and window.
    """
    fits = fits.take(np.lexsort((fits.end, fits.owner)))
    enough, finite = fits.enough, is_finite(fits.moments)
    computed = np.flatnonzero(enough & finite)
    components = principal_components(fits.moments.take(computed))
    varies = components.rank > 0
    status = np.select([~enough, ~finite], ["sparse", "overflow"], "fitted").astype(object)
    status[computed[~varies]] = "constant"

    rows = _described(fits, owners).with_columns(pl.Series("status", status, dtype=pl.String))
    spread = pl.DataFrame(
        {
            "row": computed,
            "rank": components.rank,
            "rank_deficient": components.rank < N_WINDOWS,
            "total_variance": components.total,
            **dict(zip(MEANS, fits.moments.mean[computed].T, strict=True)),
        }
    )
    fitted = computed[varies]
    before = _newest_fitted(previous, rows[fitted], owners)
    shape = _aligned(components.take(varies), fits.take(fitted), rows[fitted], before)
    joined = rows.join(spread, on="row", how="left", maintain_order="left").join(
        shape.with_columns(pl.Series("row", fitted)), on="row", how="left", maintain_order="left"
    )
    return PCA_MODELS.conform(joined)


def of_transform(transform: Transform) -> pl.Expr:
    """Whether a model is of that transform; those of before there was a choice are of yields."""
    return pl.col("transform").fill_null("yield") == transform


def loadings(models: pl.DataFrame) -> Floats:
    """Read the loadings of the table's rows, shape (m, 3, 8), zero where a component is missing."""
    columns = [models[name].fill_null(0.0).to_numpy() for name in LOADINGS]
    return np.column_stack(columns).reshape(-1, N_COMPONENTS, N_WINDOWS)


def _described(fits: Fits, owners: Owners) -> pl.DataFrame:
    """Describe what is known of each fit without fitting, with its place as ``row``."""
    named = pl.concat_str(
        [
            pl.lit(owners.scope),
            "venue",
            "venue_symbol",
            pl.col("window_end").dt.strftime(owners.end_format),
            *([] if owners.transform == "yield" else [pl.lit(owners.transform)]),
        ],
        separator=":",
        ignore_nulls=True,
    )
    first = pl.Series(fits.first).cast(UTC_TIME)
    return (
        owners.names[fits.owner]
        .with_columns(
            pl.lit(owners.scope).alias("scope"),
            pl.lit(owners.transform).alias("transform"),
            pl.Series("window_start", fits.start).cast(UTC_TIME),
            pl.Series("window_end", fits.end).cast(UTC_TIME),
            pl.Series("available_at", np.maximum(fits.available, fits.end)).cast(UTC_TIME),
            pl.Series("n_instruments", fits.n_instruments),
            pl.Series("n_strips", fits.moments.n),
            pl.when(pl.Series(fits.first > 0)).then(first).alias("first_strip_at"),
            pl.Series("coverage", fits.coverage),
            pl.Series("row", np.arange(len(fits.owner))),
        )
        .with_columns(named.alias("model_id"))
    )


def _newest_fitted(previous: pl.DataFrame, rows: pl.DataFrame, owners: Owners) -> pl.DataFrame:
    """Find each owner's newest fitted model from before its rows, with the owner's number."""
    numbered = owners.names.with_row_index("owner").with_columns(pl.col("owner").cast(pl.Int64))
    begins = rows.group_by(INSTRUMENT_KEY).agg(pl.col("window_end").min().alias("begins"))
    return (
        previous.filter(
            pl.col("scope") == owners.scope,
            pl.col("status") == "fitted",
            of_transform(owners.transform),
        )
        .join(numbered, on=INSTRUMENT_KEY, nulls_equal=True)
        .join(begins, on=INSTRUMENT_KEY, nulls_equal=True)
        .filter(pl.col("window_end") < pl.col("begins"))
        .sort("owner", "window_end")
        .unique("owner", keep="last", maintain_order=True)
    )


def _aligned(
    components: Components, fits: Fits, rows: pl.DataFrame, before: pl.DataFrame
) -> pl.DataFrame:
    """Align the components; return their columns and those of the models they were aligned to."""
    ids = pl.concat([before["model_id"], rows["model_id"]])
    owner = np.concatenate((before["owner"].to_numpy(), fits.owner))
    end = np.concatenate((before["window_end"].dt.epoch("us").to_numpy(), fits.end))
    vectors = np.concatenate((loadings(before), components.vectors))
    chain = np.argsort(time_key(owner, end), kind="stable")
    opens = np.ones(len(chain), dtype=np.bool_)
    opens[1:] = np.diff(owner[chain]) != 0
    stored = chain < before.height
    found = aligned(vectors[chain], opens, stored)
    new = np.flatnonzero(~stored)
    previous = ids.gather(chain).shift().set(pl.Series(opens), None)
    return pl.DataFrame(
        {
            "previous_model_id": previous.gather(new),
            **_component_columns(components, found.take(new)),
        }
    )


def _component_columns(components: Components, found: Aligned) -> dict[str, pl.Series]:
    """Make shares, drifts, flips and loadings of each component; null where it is missing."""
    share = components.variance / components.total[:, np.newaxis]
    share = np.take_along_axis(np.minimum(share, 1.0), found.order, axis=1)
    there = np.asarray(found.vectors.any(axis=2))
    known = there & ~np.isnan(found.drift)
    columns: dict[str, pl.Series] = {}
    for k, pc in enumerate(PCA_COMPONENTS):
        columns[f"{pc}_share"] = _masked(share[:, k], there[:, k])
        columns[f"{pc}_drift_degrees"] = _masked(found.drift[:, k], known[:, k])
        columns[f"{pc}_flipped"] = _masked(found.flipped[:, k], known[:, k])
        # A unit vector's only entry may come out as 1 + 2e-16.
        entries = np.clip(found.vectors[:, k], -1.0, 1.0)
        for j, bucket in enumerate(BUCKETS):
            columns[f"{pc}_{bucket}"] = _masked(entries[:, j], there[:, k])
    return columns


def _masked(values: Floats | Flags, there: Flags) -> pl.Series:
    """Return values, null where they are not there."""
    return pl.Series(values).set(pl.Series(~there), None)
