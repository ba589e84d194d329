"""What all connections of the sandbox have in common: the market, the faults, the pace."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from funding_platform.sandbox.faults import (
    FaultPlan,
    Stream,
)
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.statistics import Statistics
from funding_platform.sandbox.wire.contract import Request
from funding_platform.sandbox.wire.streams.contract import (
    Channel,
    Dialect,
    Row,
)

_SECOND_MS: Final = 1_000


@dataclass(slots=True)
class Stage:
    """Where the streams of all venues play.

    Attributes
    ----------
    pace
        How many times faster than the venue's own its periods, beats and limits of time run: the
        market's clock is the market's.
    """

    market: Market
    plan: FaultPlan
    statistics: Statistics
    enforce_limits: bool = False
    pace: float = 1.0
    _rows: dict[tuple[str, str], tuple[int, Mapping[str, Row]]] = field(default_factory=dict)

    def meets(self, venue: str, endpoint: str, action: str) -> bool:
        """Tell whether a fault meets a subscription."""
        struck = self.plan.strike(
            venue, endpoint, lambda fault: isinstance(fault, Stream) and fault.action == action
        )
        return bool(struck)

    def rows(self, dialect: Dialect, channel: Channel) -> Mapping[str, Row]:
        """Return a channel's rows: made once in a second of the market, when it moves."""
        now_ms = self.market.now_ms()
        key, second = (dialect.venue, channel.name), now_ms // _SECOND_MS
        made_in, rows = self._rows.get(key, (-1, {}))
        if made_in != second:
            rows = channel.rows(Request(self.market, dialect.venue, {}, now_ms))
            self._rows[key] = (second, rows)
        return rows
