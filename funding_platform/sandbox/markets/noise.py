"""Randomness without state: any value at any time is a pure function of a key and the time.

A generator that walks from the beginning would have to be replayed for every window, and its
values would depend on where the walk ended. Here a hash of (key, index) gives the draw, and
``value_noise`` joins draws at several spacings into one continuous, persistent series. Only
integer and elementwise arithmetic is used, so a window computed alone equals the same window cut
out of the whole, bit for bit.
"""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from funding_platform.sandbox.markets.series import Values

Bits = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_LANE = np.uint64(0xFFFF)


def keys(seed: int, *names: Sequence[str]) -> Bits:
    """Make a 64-bit key per tuple of names: ``keys(7, ["price", "price"], ["BTC", "ETH"])``."""
    digests = (
        blake2b("\x1f".join((str(seed), *parts)).encode(), digest_size=8).digest()
        for parts in zip(*names, strict=True)
    )
    return np.array([int.from_bytes(digest, "little") for digest in digests], dtype=np.uint64)


def key(seed: int, *names: str) -> Bits:
    """Make a single key, as an array of length one."""
    return keys(seed, *([name] for name in names))


def draw(key: Bits, index: npt.ArrayLike) -> Bits:
    """Draw 64 bits per (key, index), by the SplitMix64 finaliser; arguments broadcast."""
    steps = np.atleast_1d(np.asarray(index)).astype(np.int64).view(np.uint64)
    z = key + (steps + np.uint64(1)) * _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return np.asarray(z ^ (z >> np.uint64(31)))


def uniform(bits: Bits) -> Values:
    """Turn bits into numbers in [0, 1)."""
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def bell(bits: Bits) -> Values:
    """Turn bits into roughly normal numbers, mean 0, variance 1: the sum of four 16-bit lanes."""
    total = sum(((bits >> np.uint64(shift)) & _LANE).astype(np.int64) for shift in (0, 16, 32, 48))
    # Four uniforms on 0..65535 have mean 131070 and variance 4 (65536^2 - 1) / 12.
    return (np.asarray(total) - 131_070) / (65_536.0 / 3**0.5)


def value_noise(key: Bits, hours: Values, octaves: Sequence[tuple[float, float]]) -> Values:
    """``sum of amplitude * lerp(draws at multiples of spacing)`` over the octaves.

    Parameters
    ----------
    key
        One key, or one per series; broadcasts against ``hours``.
    hours
        Times in hours since the epoch.
    octaves
        Pairs (spacing in hours, amplitude). Wide spacings give slow movement.
    """
    total = np.zeros(np.broadcast(key, hours).shape)
    for octave, (spacing, amplitude) in enumerate(octaves):
        position = hours / spacing
        knot = np.floor(position)
        fraction = position - knot
        left, right = _ends(draw(key, octave), knot)
        total += amplitude * (left + (right - left) * fraction)
    return total


def draw_each(key: Bits, index: Values) -> Bits:
    """Draw at whole numbers that lie close together: each is drawn once."""
    if key.size == 1 and index.size and np.ptp(index) + 1 < index.size:
        first = index.min()
        drawn = draw(key, np.arange(first, index.max() + 1))
        return np.asarray(drawn[(index - first).astype(np.int64)])
    return draw(key, index)


def _ends(key: Bits, knots: Values) -> tuple[Values, Values]:
    """Draw at knots and at the ones after them; of few knots each is drawn once."""
    if key.size == 1 and knots.size and np.ptp(knots) + 2 < knots.size:
        first = knots.min()
        drawn = bell(draw(key, np.arange(first, knots.max() + 2)))
        at = (knots - first).astype(np.int64)
        return drawn[at], drawn[at + 1]
    return bell(draw(key, knots)), bell(draw(key, knots + 1))
