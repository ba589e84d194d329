"""From moments to principal components: eigenvectors of the covariance, with their rank."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.tables.features.pca import PCA_COMPONENTS
from funding_platform.curves.inputs import Rows
from funding_platform.curves.pca.moments import Moments

N_COMPONENTS = len(PCA_COMPONENTS)

RANK_TOLERANCE: Final = 1e-12
"""Eigenvalues below this share of the largest are rounding: 8 x 8 sums of 270 products carry
errors of some 1e-14 of it."""

YIELD_NOISE: Final = 1e-12
"""Standard deviations below this, in units of ``1 + yield``, are rounding: compounding a rate over
1,095 tenors turns its last bit into 1e-13 of ``1 + yield``."""


@dataclass(frozen=True, slots=True)
class Components(Rows):
    """Of m sets of strips, in the order of variance.

    ``variance`` (m, 3), ``vectors`` (m, 3, 8) of unit length, ``total`` (m,) the sum of all eight
    variances, ``rank`` (m,). Beyond the rank directions are arbitrary: variances and vectors are 0.
    """

    variance: Floats
    vectors: Floats
    total: Floats
    rank: Ints


def principal_components(moments: Moments) -> Components:
    """Compute the leading eigenvectors of ``scatter / (n - 1)``, for n of at least two.

    Parameters
    ----------
    moments
        Finite; see ``is_finite``.

    Returns
    -------
    Components
        Signs are arbitrary: ``pca_alignment`` fixes them.
    """
    covariance = moments.scatter / (moments.n - 1)[:, np.newaxis, np.newaxis]
    values, columns = np.linalg.eigh(covariance)
    values = np.maximum(values[:, ::-1], 0.0)
    noise = (YIELD_NOISE * (1.0 + np.abs(moments.mean).max(axis=1, initial=0.0))) ** 2
    floor = np.maximum(RANK_TOLERANCE * values[:, 0], noise)
    rank = (values > floor[:, np.newaxis]).sum(axis=1)
    kept = np.arange(N_COMPONENTS) < rank[:, np.newaxis]
    vectors = columns[:, :, ::-1][:, :, :N_COMPONENTS].transpose(0, 2, 1)
    return Components(
        np.where(kept, values[:, :N_COMPONENTS], 0.0),
        np.where(kept[:, :, np.newaxis], vectors, 0.0),
        values.sum(axis=1),
        rank,
    )


def is_finite(moments: Moments) -> Flags:
    """Tell whether no square overflowed, shape (m,): yields beyond 1e153 have none."""
    return np.asarray(np.isfinite(moments.scatter).all(axis=(1, 2)))
