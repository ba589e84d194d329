"""Types of event that a webhook may ask for, and the kinds of alert that each stands for."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal, TypeAlias

from funding_platform.telemetry.alerts.rules import (
    CHECK_FAILED,
    COVERAGE_LOSS,
    CURVE_Z,
    EDGE_DECAY,
    FAILED_PARTITION,
    LIVE_STOPPED,
    OPPORTUNITY,
    RUN_FAILED,
    STALE,
    STREAM_SILENT,
    VENUE_DOWN,
    Rule,
)

EventType: TypeAlias = Literal[
    "opportunity",
    "funding_rate_change",
    "curve_z_score",
    "venue_down",
    "stale_data",
    "check_failed",
]

RATE_MOVED: Final = Rule(
    "rate_moved",
    "info",
    "The funding rate of {subject} has moved",
    "Difference, either way, between the rate that is expected next and the one that settled "
    "last, both for 8 hours.",
    "basis points per 8 hours",
    raise_at=5.0,
    resolve_at=4.0,
)

KINDS: Final[Mapping[EventType, tuple[Rule, ...]]] = {
    "opportunity": (OPPORTUNITY,),
    "funding_rate_change": (RATE_MOVED,),
    "curve_z_score": (CURVE_Z,),
    "venue_down": (VENUE_DOWN, STREAM_SILENT),
    "stale_data": (STALE, LIVE_STOPPED),
    "check_failed": (CHECK_FAILED, RUN_FAILED, FAILED_PARTITION, COVERAGE_LOSS, EDGE_DECAY),
}
"""What each type stands for."""

TYPE_OF: Final[Mapping[str, EventType]] = {
    rule.kind: event for event, rules in KINDS.items() for rule in rules
}
"""The type of event by the kind of alert."""

BOUNDED: Final[tuple[EventType, ...]] = ("funding_rate_change", "curve_z_score", "stale_data")
"""Types whose upper bound a webhook may set, one figure for all that they stand for; that of
opportunities is its filter's."""

SHARE_BETWEEN: Final = 0.2
LEAST_BETWEEN: Final = 0.01
"""How far below the upper bound of an opportunity the lower one lies: a fifth of it, or as much
return per year, where the bound is near nought or below it."""


def at_least(net_apr: float) -> Rule:
    """Return the rule of opportunities that begin at a net return per year."""
    between = max(abs(net_apr) * SHARE_BETWEEN, LEAST_BETWEEN)
    return replace(OPPORTUNITY, raise_at=net_apr, resolve_at=net_apr - between)
