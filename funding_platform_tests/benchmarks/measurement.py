"""What a benchmark reports, and the few ways in which all of them take time."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure, beside its target and the same work done another way.

    Less is better, except for a unit that ends in ``/s``.
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    peer: float | None = None

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
    def ok(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        return self.value >= self.target if self.more_is_better else self.value <= self.target


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
