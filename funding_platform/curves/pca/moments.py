"""How many strips, their mean, and how they scatter about it: all that a PCA needs to know.

``scatter = sum((x - mean) (x - mean)')``. It is never computed as a difference of large sums,
which would cancel: a segment is centred first, and a trailing window is put together from two
parts by the formula of Chan, Golub and LeVeque (1979, "Updating formulae and a pairwise algorithm
for computing sample variances")::

    n = n1 + n2,  mean = (n1 mean1 + n2 mean2) / n,
    scatter = scatter1 + scatter2 + n1 n2 / n (mean1 - mean2) (mean1 - mean2)'
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from funding_platform.core.arrays import Floats, Ints
from funding_platform.curves.inputs import Rows
from funding_platform.curves.windows import N_WINDOWS


@dataclass(frozen=True, slots=True)
class Moments(Rows):
    """Of m sets of strips: counts (m,), means (m, 8) and scatters (m, 8, 8).

    A mean is zero where the count is.
    """

    n: Ints
    mean: Floats
    scatter: Floats


def segment_moments(strips: Floats, first: Ints, stop: Ints) -> Moments:
    """Compute the moments of ``strips[first:stop]`` for each pair of bounds.

    Parameters
    ----------
    strips
        Shape (n, 8).
    first, stop
        Shape (m,); segments may overlap and may be empty.
    """
    mean = np.zeros((len(first), N_WINDOWS))
    scatter = np.zeros((len(first), N_WINDOWS, N_WINDOWS))
    with np.errstate(over="ignore", invalid="ignore"):  # the caller looks for what overflowed
        for row in np.flatnonzero(stop > first):
            segment = strips[first[row] : stop[row]]
            mean[row] = segment.mean(axis=0)
            centred = segment - mean[row]
            scatter[row] = centred.T @ centred
    return Moments(stop - first, mean, scatter)


def pooled_moments(parts: Moments, first: Ints) -> Moments:
    """Compute the moments of the strips of consecutive parts taken together.

    Parameters
    ----------
    parts
        Of m disjoint sets of strips.
    first
        Where each group of parts begins, shape (g,), increasing from 0.
    """
    n = np.add.reduceat(parts.n, first)
    with np.errstate(over="ignore", invalid="ignore"):
        weighted = parts.n[:, np.newaxis] * parts.mean
        mean = np.add.reduceat(weighted, first) / np.maximum(n, 1)[:, np.newaxis]
        apart = parts.mean - np.repeat(mean, np.diff(first, append=len(parts.n)), axis=0)
        between = parts.n[:, np.newaxis, np.newaxis] * _outer(apart)
        return Moments(n, mean, np.add.reduceat(parts.scatter + between, first))


def trailing_moments(strips: Floats, length: int) -> Moments:
    """Compute the moments of every run of ``length`` consecutive strips.

    The strips are cut into blocks of ``length``. A run is the end of one block and the beginning
    of the next; both are sums that only ever grow, so that no error accumulates beyond two blocks,
    however long the history. An end is summed about its last strip and a beginning about its
    first: about one of its own, ``sum((x - a)(x - a)')`` exceeds the scatter n-fold at most, which
    bounds what centring can cancel. Nothing of a later strip enters, not even its rounding.

    Parameters
    ----------
    strips
        Of one instrument, in order of time, shape (n, 8).
    length
        Strips in a run.

    Returns
    -------
    Moments
        Of the n - length + 1 runs, by their last strip; none if there are fewer strips.
    """
    n_runs = len(strips) - length + 1
    if n_runs <= 0:
        return segment_moments(strips, np.zeros(0, np.int64), np.zeros(0, np.int64))
    n_blocks = -(-len(strips) // length)
    padded = np.pad(strips, ((0, n_blocks * length - len(strips)), (0, 0)), mode="edge")
    blocks = padded.reshape(n_blocks, length, N_WINDOWS)
    block, place = np.divmod(np.arange(length - 1, len(strips)), length)
    # A run that is a whole block has nothing of the one before: any will do, for it counts none.
    at, since = np.maximum(block - 1, 0), np.minimum(place + 1, length - 1)
    with np.errstate(over="ignore", invalid="ignore"):  # the caller looks for what overflowed
        begun = _part(np.cumsum, blocks, blocks[:, 0], block, place, place + 1)
        ended = _part(_from_the_end, blocks, blocks[:, -1], at, since, length - 1 - place)
        return _together(ended, begun)


def _part(
    add_up: Callable[[Floats, int], Floats],
    blocks: Floats,
    anchor: Floats,
    block: Ints,
    place: Ints,
    n: Ints,
) -> Moments:
    """Compute the moments of the part of each block that ``add_up`` sums at a place, n strips."""
    moved = blocks - anchor[:, np.newaxis]
    offset = add_up(moved, 1)[block, place] / np.maximum(n, 1)[:, np.newaxis]
    squares = add_up(_outer(moved), 1)[block, place]
    scatter = squares - n[:, np.newaxis, np.newaxis] * _outer(offset)
    return Moments(n, anchor[block] + offset, scatter)


def _together(a: Moments, b: Moments) -> Moments:
    """Join two sets of moments by Chan's formula; ``a`` may be empty."""
    n, there = a.n + b.n, a.n > 0
    apart = np.where(there[:, np.newaxis], b.mean - a.mean, 0.0)
    within = np.where(there[:, np.newaxis, np.newaxis], a.scatter, 0.0) + b.scatter
    between = (a.n * b.n / n)[:, np.newaxis, np.newaxis] * _outer(apart)
    return Moments(n, b.mean - (a.n / n)[:, np.newaxis] * apart, within + between)


def _from_the_end(values: Floats, axis: int) -> Floats:
    """``cumsum`` from the other end: sums from each place to the last."""
    return np.flip(np.cumsum(np.flip(values, axis), axis), axis)


def _outer(vectors: Floats) -> Floats:
    """``v v'`` of each vector: (..., 8) to (..., 8, 8)."""
    return vectors[..., :, np.newaxis] * vectors[..., np.newaxis, :]
