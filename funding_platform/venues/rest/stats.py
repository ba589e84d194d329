"""What a client did so far: calls, requests, latency, and how far our clock is from the venue's."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass
class Stats:
    """What the client did so far."""

    calls: int = 0
    requests: int = 0
    busy_seconds: float = 0.0
    clock_ahead: timedelta | None = None
    """How far our clock was ahead of the venue's, by the answer that says least."""

    @property
    def retries(self) -> int:
        """Requests beyond the first of each call."""
        return self.requests - self.calls

    @property
    def mean_latency_ms(self) -> float | None:
        """Mean time from sending a request to the end of its answer; None before the first."""
        return 1e3 * self.busy_seconds / self.requests if self.requests else None

    def compare_clocks(self, ahead: timedelta | None) -> None:
        """Note how far our clock was ahead of the stamp of an answer, where it has one."""
        if ahead is not None:
            known = self.clock_ahead
            self.clock_ahead = ahead if known is None else min(known, ahead, key=abs)
