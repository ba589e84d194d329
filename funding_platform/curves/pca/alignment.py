"""Which component is which, and which way it points: matching, signs and drift.

1. **Matching decides the place.** Of the six ways to put a model's three components beside those
   of the previous model, the one with the largest sum of absolute cosines is taken, and of equals
   the first in lexical order. pc1 is therefore the continuation of the previous pc1, also when
   another component has more variance now.
2. **The convention decides the sign.** pc1: the sum of the loadings is positive. pc2: b7 - b0 is.
   pc3: b3 + b4 - b0 - b7 is. Each of these is the product with a unit vector, hence in [-1, 1].
3. **Near zero the previous model decides the sign.** Where that product lies within +-0.05 the
   component points where it pointed before. Without a previous one the product's sign counts
   however small; if it is nothing, the largest loading is positive.

Where matching and convention disagree about a sign, the convention wins, and the component is
marked as flipped: no feature turns round unnoticed. A component that is missing, because the rank
is too low, is a zero vector here: it matches nothing and has neither sign nor angle.
"""

from dataclasses import dataclass
from itertools import permutations
from typing import Final

import numpy as np

from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.curves.inputs import Rows
from funding_platform.curves.pca.components import N_COMPONENTS
from funding_platform.curves.windows import N_WINDOWS

SIGN_TOLERANCE: Final = 0.05
"""Below this the convention is silent. It is the cosine of 87 degrees: of the 1.41 that b7 - b0
can reach it is 0.07."""

_ORDERS: Final = np.array(list(permutations(range(N_COMPONENTS))))
_SLOTS: Final = np.arange(N_COMPONENTS)


def _sign_vectors() -> Floats:
    """Return the unit vectors that a component's sign is read from, shape (3, 8)."""
    vectors = np.zeros((N_COMPONENTS, N_WINDOWS))
    vectors[0] = 1.0
    vectors[1, [-1, 0]] = 1.0, -1.0
    vectors[2, [3, 4, 0, -1]] = 1.0, 1.0, -1.0, -1.0
    unit: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


SIGN_VECTORS: Final = _sign_vectors()


@dataclass(frozen=True, slots=True)
class Aligned(Rows):
    """Components in their places, of m models.

    ``order`` (m, 3) says which component in the order of variance stands in each place,
    ``vectors`` (m, 3, 8) are signed, ``drift`` (m, 3) is in degrees and NaN without a previous
    component, ``flipped`` (m, 3) is true where the convention overruled the previous model.
    """

    order: Ints
    vectors: Floats
    drift: Floats
    flipped: Flags


def aligned(vectors: Floats, opens: Flags, settled: Flags) -> Aligned:
    """Match and sign components, each model against the one before it.

    What a model becomes depends on those before it only, never on one after.

    Parameters
    ----------
    vectors
        Shape (m, 3, 8): the components of each model in the order of variance, chain after chain
        and within a chain in order of time. Zero where missing.
    opens
        Whether a chain begins, shape (m,); the first must.
    settled
        Whether a model was aligned before and stays as it is, shape (m,); only where one opens.
    """
    order = _orders(vectors, opens)
    placed = np.take_along_axis(vectors, order[:, :, np.newaxis], axis=1)
    before = np.roll(placed, 1, axis=0)
    before[opens] = 0.0
    cosine = np.einsum("msk,msk->ms", placed, before)
    known = np.asarray(placed.any(axis=2) & before.any(axis=2))
    sign = _signs(placed, cosine, known, settled)
    sign_before = np.roll(sign, 1, axis=0)
    across = np.linalg.norm(placed - cosine[:, :, np.newaxis] * before, axis=2)
    drift = np.degrees(np.arctan2(across, np.abs(cosine)))
    return Aligned(
        order,
        placed * sign[:, :, np.newaxis],
        np.where(known, drift, np.nan),
        known & (sign * sign_before * cosine < 0),
    )


def _orders(vectors: Floats, opens: Flags) -> Ints:
    """Find which component of each model stands in each place, shape (m, 3).

    How a model's components match those of the one before does not depend on where those stand,
    so the matches are found for all models at once. Most change nothing; the places are carried
    through those that do.
    """
    similarity = np.abs(vectors[1:] @ vectors[:-1].transpose(0, 2, 1))
    gain = similarity[:, _ORDERS, _SLOTS].sum(axis=2)
    match = np.zeros(len(vectors), dtype=np.int64)
    match[1:] = gain.argmax(axis=1)
    match[opens] = 0
    change = np.flatnonzero((match != 0) | opens)
    places = np.empty((len(change), N_COMPONENTS), dtype=np.int64)
    current = _SLOTS
    for row, model in enumerate(change):
        current = _SLOTS if opens[model] else _ORDERS[match[model]][current]
        places[row] = current
    return np.repeat(places, np.diff(change, append=len(vectors)), axis=0)


def _signs(placed: Floats, cosine: Floats, known: Flags, settled: Flags) -> Floats:
    """Choose +1 or -1 for each component in its place, shape (m, 3).

    A sign is either read from the component itself, or carried on from the last one that was:
    turned as often as consecutive eigenvectors point apart.
    """
    lean = np.einsum("msk,sk->ms", placed, SIGN_VECTORS)
    largest = np.take_along_axis(placed, np.abs(placed).argmax(axis=2)[:, :, np.newaxis], axis=2)
    own = np.where(lean != 0.0, lean, largest[:, :, 0])
    own_sign = np.where(settled[:, np.newaxis] | (own >= 0.0), 1.0, -1.0)
    reads = ~known | (np.abs(lean) >= SIGN_TOLERANCE)
    model = np.arange(len(placed))[:, np.newaxis]
    source = np.maximum.accumulate(np.where(reads, model, 0), axis=0)
    turns = np.where(known & (cosine < 0.0), -1.0, 1.0)
    turned = np.cumprod(turns, axis=0, dtype=np.float64)
    at = (source, _SLOTS)
    signs: Floats = own_sign[at] * turned[at] * turned
    return signs
