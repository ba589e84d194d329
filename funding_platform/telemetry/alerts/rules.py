"""When something observed is worth telling: the rules, as data.

What belongs here: kinds of alert, their bounds and what they mean. How a figure comes about does
not: see ``flows.alerting.sources``.

Every figure is such that more is worse. It raises an alert at one bound and resolves it at another,
lower one, so that a figure that trembles about a bound tells nobody twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

Severity: TypeAlias = Literal["info", "warning", "critical"]

OF_TOLERATED: Final = "times what is tolerated"


@dataclass(frozen=True, slots=True)
class Rule:
    """When alerts of one kind begin and end.

    Parameters
    ----------
    kind
        Its name.
    severity
        ``critical``: data are lost while it lasts; ``warning``: they may be; ``info``: the market's
        doing.
    title
        What is wrong, in a few words; ``{subject}`` stands for what it is about.
    meaning
        What the figure is.
    unit
        What it counts.
    raise_at, resolve_at
        The alert begins with a figure of ``raise_at`` or more, and ends with one of ``resolve_at``
        or less.
    """

    kind: str
    severity: Severity
    title: str
    meaning: str
    unit: str
    raise_at: float = 1.0
    resolve_at: float = 0.0

    def __post_init__(self) -> None:
        if not self.resolve_at < self.raise_at:
            raise ValueError(f"{self.kind} would end at {self.resolve_at}, not below its beginning")

    def raised_at(self, bound: float) -> "Rule":
        """Return the rule with another bound; the lower one keeps its share of it."""
        return replace(self, raise_at=bound, resolve_at=bound * self.resolve_at / self.raise_at)


RUN_FAILED: Final = Rule(
    "run_failed",
    "critical",
    "The last run of {subject} failed",
    "1 after a run of the job that failed, 0 after one that succeeded.",
    "failed",
)
CHECK_FAILED: Final = Rule(
    "check_failed",
    "warning",
    "{subject} does not hold",
    "1 where the newest result of an asset check is an error.",
    "failed",
)
STALE: Final = Rule(
    "stale",
    "critical",
    "{subject} is out of date",
    "Age of the newest row, as a multiple of the age that is tolerated.",
    OF_TOLERATED,
    resolve_at=0.9,
)
VENUE_DOWN: Final = Rule(
    "venue_down",
    "critical",
    "{subject} cannot be collected",
    "Collections of snapshots that failed in a row; while the venue's breaker is not closed, as "
    "many at least as raise the alert.",
    "collections",
    raise_at=3.0,
)
COVERAGE_LOSS: Final = Rule(
    "coverage_loss",
    "warning",
    "Settlements of {subject} are missing",
    "Share of the month's expected settlements that is missing.",
    "fraction",
    raise_at=0.02,
    resolve_at=0.01,
)
FAILED_PARTITION: Final = Rule(
    "failed_partition",
    "warning",
    "{subject} could not be collected",
    "Attempts to collect the month that failed since the last one that did not.",
    "attempts",
)
CURVE_Z: Final = Rule(
    "curve_z",
    "info",
    "The funding curve of {subject} is far from its mean",
    "Absolute z-score of the newest curve's level or slope over 28 days.",
    "standard deviations",
    raise_at=2.0,
    resolve_at=1.5,
)
OPPORTUNITY: Final = Rule(
    "opportunity",
    "info",
    "{subject} pays well across venues",
    "Net return of the best actionable pair of the base, all costs paid.",
    "fraction per year",
    raise_at=0.5,
    resolve_at=0.4,
)
EDGE_DECAY: Final = Rule(
    "edge_decay",
    "warning",
    "The edge of {subject} has decayed",
    "1 where out-of-sample trades are worse than all but 5 % of those of the first run, else 0.",
    "decayed",
)
LIVE_STOPPED: Final = Rule(
    "live_stopped",
    "critical",
    "{subject} has stopped",
    "Time since it handed the market out, as a multiple of the fifteen seconds after which it "
    "counts as stopped.",
    OF_TOLERATED,
    resolve_at=0.5,
)
STREAM_SILENT: Final = Rule(
    "stream_silent",
    "warning",
    "{subject} is silent on the live board",
    "Age of the venue's newest data, by stream or by REST, as a multiple of a minute.",
    OF_TOLERATED,
    resolve_at=0.5,
)
DISK_LOW: Final = Rule(
    "disk_low",
    "critical",
    "There is little room on {subject}",
    "What must be free, as a multiple of what is.",
    OF_TOLERATED,
    resolve_at=0.8,
)
LAKE_UNREADABLE: Final = Rule(
    "lake_unreadable",
    "critical",
    "{subject} cannot be read",
    "1 where the lake could not be opened, else 0.",
    "unreadable",
)

RULES: Final[Mapping[str, Rule]] = {
    rule.kind: rule
    for rule in (
        RUN_FAILED,
        CHECK_FAILED,
        STALE,
        VENUE_DOWN,
        COVERAGE_LOSS,
        FAILED_PARTITION,
        CURVE_Z,
        OPPORTUNITY,
        EDGE_DECAY,
        LIVE_STOPPED,
        STREAM_SILENT,
        DISK_LOW,
        LAKE_UNREADABLE,
    )
}
