"""What the sandbox has done since it started, per venue and endpoint."""

from collections import defaultdict
from dataclasses import asdict, dataclass, field


@dataclass(slots=True)
class Counter:
    """What one endpoint has done since the start.

    Of a stream, handshakes and messages of clients are requests, frames of data are rows.
    """

    requests: int = 0
    rows: int = 0
    faults: int = 0
    refused: int = 0


def _counters() -> defaultdict[str, defaultdict[str, Counter]]:
    return defaultdict(lambda: defaultdict(Counter))


@dataclass(slots=True)
class Statistics:
    """Counters by venue and endpoint, made when they are first asked for."""

    _counters: defaultdict[str, defaultdict[str, Counter]] = field(default_factory=_counters)

    def counter(self, venue: str, endpoint: str) -> Counter:
        """Return the counter of an endpoint."""
        return self._counters[venue][endpoint]

    def counted(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return all counters as plain numbers."""
        return {
            venue: {endpoint: asdict(counter) for endpoint, counter in endpoints.items()}
            for venue, endpoints in self._counters.items()
        }
