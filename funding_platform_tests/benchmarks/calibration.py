"""How fast this machine is, beside the one that the absolute targets were written on.

Only a target that no peer stands beside is scaled by it: the seconds of a whole flow, which no
plain version does. It is taken once, before the first benchmark; a machine that slows down later
is not noticed. ``python -m funding_platform_tests.benchmarks.calibration`` prints the parts, so
that the reference can be recorded anew, together with every absolute target.
"""

import os
import tempfile
from collections.abc import Callable
from statistics import median
from time import perf_counter

import numpy as np

from funding_platform_tests.benchmarks.measurement import seconds

REFERENCE_SECONDS = {
    "Python loop": 1.54e-3,
    "NumPy": 1.00e-3,
    "memory copy": 1.20e-3,
    "fsync": 0.15e-3,
}
"""What each part takes on the reference machine: two cores of an Intel Xeon, 24 GiB of memory."""

SECONDS_PER_PART = 0.5
"""A part takes a millisecond, less than a turn on a busy core, and the best of many tries counts:
neighbours hardly show."""

LOOPS = 50_000
NUMBERS = 100_000
BYTES = 16 * 2**20
PAGE = bytes(4096)


def slowness() -> float:
    """Return how many times as long as on the reference machine work takes on this one.

    The median of the parts: a disk that never syncs, or is slow to, says nothing of the rest.
    """
    return median(took / REFERENCE_SECONDS[part] for part, took in part_seconds().items())


def part_seconds() -> dict[str, float]:
    """Return what each part of the mix takes here; two seconds in all."""
    numbers = np.random.default_rng(0).random(NUMBERS)
    source, copied = np.ones(BYTES, np.uint8), np.ones(BYTES, np.uint8)
    with tempfile.TemporaryFile(buffering=0) as file:

        def write_and_sync() -> None:
            file.write(PAGE)
            os.fsync(file.fileno())

        parts: dict[str, Callable[[], object]] = {
            "Python loop": lambda: sum(number % 7 for number in range(LOOPS)),
            "NumPy": lambda: np.exp(np.sort(numbers)),
            "memory copy": lambda: np.copyto(copied, source),
            "fsync": write_and_sync,
        }
        return {part: _best_seconds(work) for part, work in parts.items()}


def _best_seconds(work: Callable[[], object]) -> float:
    end, best = perf_counter() + SECONDS_PER_PART, seconds(work)
    while perf_counter() < end:
        best = min(best, seconds(work))
    return best


if __name__ == "__main__":
    for part, took in part_seconds().items():
        print(f"{part}: {took:.6f} s, {took / REFERENCE_SECONDS[part]:.3g}x the reference")
