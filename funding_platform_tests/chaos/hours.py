"""Hours of collecting in a world whose clock is moved: a look at all venues, and second chances.

When venues are asked is decided by the code that decides it in production; what stands in for
Dagster is that every look is over at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from time_machine import Traveller

from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.time_grid import HOUR
from funding_platform.flows.collection.snapshots import collect_snapshots
from funding_platform.flows.collection.timing.chances import CHANCES, Look, Wanted, to_ask_again
from funding_platform.lake import connect
from funding_platform.settings import Settings

LOOKS = (timedelta(0), *CHANCES)
"""How long into an hour venues are asked."""

_STORED = "SELECT snapshot_hour, count(*) FROM core.market_snapshots WHERE venue = ? GROUP BY ALL"
_LOGGED = (
    "SELECT started_at, status, error_kind, breaker_state FROM core.collection_log "
    "WHERE venue = ? ORDER BY started_at"
)


@dataclass
class Collector:
    """A machine that collects on the hour.

    Parameters
    ----------
    clock
        Moved from look to look.
    scene
        Told of every instant before venues are asked.
    """

    settings: Settings
    venues: Sequence[str]
    clock: Traveller
    scene: Callable[[datetime], None]
    _stored: set[Wanted] = field(default_factory=set)

    def collect(self, first: datetime, hours: int) -> None:
        """Live through some hours."""
        for number in range(hours):
            self._live_through(first + number * HOUR)

    def _live_through(self, hour: datetime) -> None:
        self._stored, looks = set(), list[Look]()
        wanted = [(venue, MARKET_SNAPSHOTS) for venue in self.venues]
        for after in LOOKS:
            moment = hour + after
            self.clock.move_to(moment)
            self.scene(moment)
            if not after:
                self._look(self.venues)
                looks.append(Look(moment, over=True))
                continue
            for venue in to_ask_again(moment, wanted, self._stored, looks):
                self._look([venue])
                looks.append(Look(moment, over=True, venue=venue))

    def _look(self, venues: Sequence[str]) -> None:
        for venue, one in collect_snapshots(venues, self.settings, "run").items():
            if one.attempt.error is None:
                self._stored.add((venue, MARKET_SNAPSHOTS))

    def stored(self, venue: str) -> dict[datetime, int]:
        """Rows by hour."""
        with connect(self.settings) as lake:
            return dict(lake.execute(_STORED, [venue]).fetchall())

    def logged(self, venue: str) -> list[tuple[datetime, str, str | None, str | None]]:
        """Attempts: when each began, its status, its error's kind, and the state of the breaker."""
        with connect(self.settings) as lake:
            return lake.execute(_LOGGED, [venue]).fetchall()
