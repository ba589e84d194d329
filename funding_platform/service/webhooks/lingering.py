"""Pairs that have only just left a filter, whose bounds on turnover have no second, lower one."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from funding_platform.telemetry.alerts.observing import Evaluation, Observation
from funding_platform.telemetry.alerts.rules import OPPORTUNITY

GONE_AFTER: Final = timedelta(seconds=60)
"""How long a pair must have left the filter before that is told."""


class Lingering:
    """Since when pairs are gone, for one webhook.

    A restart forgets it, and they are told to be gone so much later.
    """

    def __init__(self) -> None:
        self._since: dict[str, datetime] = {}

    def of(
        self, evaluation: Evaluation, active: Collection[tuple[str, str]], now: datetime
    ) -> Evaluation:
        """Let what is active and has only just left be unknown, which changes nothing."""
        if evaluation.kind != OPPORTUNITY.kind:
            return evaluation
        here = {one.subject for one in evaluation.observations}
        gone = {subject for kind, subject in active if kind == evaluation.kind} - here
        self._since = {subject: self._since.get(subject, now) for subject in gone}
        unknown = [
            Observation(subject, None, "it has left the filter")
            for subject, since in self._since.items()
            if now - since < GONE_AFTER
        ]
        return Evaluation(evaluation.kind, [*evaluation.observations, *unknown])
