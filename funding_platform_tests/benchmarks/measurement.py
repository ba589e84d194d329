"""What a benchmark reports and is held to, and the few ways in which all of them take time.

A machine's speed is not ours, so no figure is held to seconds alone. Where a peer does the same
work in the same run (another tool, or a plain version: a bare scan, a bare loop), the target is a
ratio to it. Those ratios were chosen once, from the absolute target that held before (30,000
settlements a second, 60 ms a look-up) over what the peer did on the reference machine, so that
they ask for as much as it did. Where no plain version does the work, the target stays absolute
and ``calibration`` scales it. Memory, requests and rows do not depend on speed: never scaled.
"""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter

TIMES = ("s", "ms", "us")


class NotMeasuredError(Exception):
    """What a benchmark needs is not on this machine; the message says what."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure, beside the same work done another way.

    Less is better, except for a unit that ends in ``/s``.
    """

    name: str
    value: float
    unit: str
    peer: float | None = None
    """The same work done another way, in the same run and unit."""

    least_ratio: float | None = None
    """The target, as how many times better than the peer it must be."""

    target: float | None = None
    """The target, in the unit, where no peer stands for the machine's speed."""

    waiting: float = 0.0
    """Of that target, what passes in waiting, equally fast on every machine."""

    def __post_init__(self) -> None:
        if self.target is not None and self.least_ratio is not None:
            raise ValueError(f"{self.name}: held to a target and to a ratio; choose one")

    @property
    def more_is_better(self) -> bool:
        return self.unit.endswith("/s")

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer; None where either is nothing."""
        if not self.peer or not self.value:
            return None
        return self.value / self.peer if self.more_is_better else self.peer / self.value

    @property
    def bound(self) -> float | None:
        """What the value is held to; None where nothing, or where the peer is not there."""
        if self.least_ratio is None:
            return self.target
        if self.peer is None:
            return None
        return self.peer * self.least_ratio if self.more_is_better else self.peer / self.least_ratio

    @property
    def ok(self) -> bool | None:
        """Whether the bound is kept; None where there is none."""
        if self.bound is None:
            return None
        return self.value >= self.bound if self.more_is_better else self.value <= self.bound

    def on_machine(self, slowness: float) -> "Measurement":
        """Scale an absolute target to a machine that takes so many times as long."""
        if self.target is None or not (self.more_is_better or self.unit in TIMES):
            return self
        if self.more_is_better:
            return replace(self, target=self.target / slowness)
        return replace(self, target=self.waiting + (self.target - self.waiting) * slowness)

    def without_target(self) -> "Measurement":
        """Return the same figure, held to nothing."""
        return replace(self, target=None, least_ratio=None)


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    begin = perf_counter()
    work()
    return perf_counter() - begin


def median_seconds(work: Callable[[], object], repeats: int) -> float:
    """How long a call takes: the median, which a busy neighbour moves least."""
    return median(seconds(work) for _ in range(repeats))


def command_seconds(command: list[str], repeats: int) -> float:
    """How long a command takes from its start to its end, the interpreter's own start included."""

    def run() -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    return median_seconds(run, repeats)
