"""What is observed of the live market for the alerts, of what the collector hands out.

It is looked at every minute, and costs a file. Where no collector has ever run there is nothing to
say.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import polars as pl

from funding_platform.core.plain_text import legible
from funding_platform.flows.alerting.sources import ERROR_LENGTH, curves_seen, pair_seen
from funding_platform.flows.errors import NotLiveError
from funding_platform.flows.live.latest import (
    FACTORS,
    FRESH_SECONDS,
    PAIRS,
    STALE_AFTER,
    VENUES,
    Latest,
    read_latest,
)
from funding_platform.settings import Settings
from funding_platform.telemetry.alerts.observing import Evaluation, Observation
from funding_platform.telemetry.alerts.rules import (
    CURVE_Z,
    LIVE_STOPPED,
    OPPORTUNITY,
    STREAM_SILENT,
)

COLLECTOR: Final = "the live collector"


def live_evaluations(settings: Settings, now: datetime) -> list[Evaluation]:
    """Observe the collector, the venues, what pays best, and which curves are far from their mean.

    Of a collector that has stopped only that is known: what it saw last is nobody's fault now.
    """
    if not settings.live:
        return []
    try:
        latest = read_latest(settings, VENUES, PAIRS, FACTORS)
    except NotLiveError:
        return []
    evaluations = [Evaluation(LIVE_STOPPED.kind, [_collector(latest, now)])]
    if not latest.is_stale(now):
        evaluations.append(Evaluation(STREAM_SILENT.kind, [*_venues(latest)]))
        if PAIRS in latest.frames:
            evaluations.append(Evaluation(OPPORTUNITY.kind, [*_best_pairs(latest)]))
        if FACTORS in latest.frames:
            curves = [*curves_seen(latest.frames[FACTORS])]
            evaluations.append(Evaluation(CURVE_Z.kind, curves))
    return evaluations


def _collector(latest: Latest, now: datetime) -> Observation:
    age = latest.age(now)
    return Observation(
        COLLECTOR,
        age / STALE_AFTER,
        f"it handed the market out {age.total_seconds():.0f} s ago, last at {latest.at:%H:%M:%S} "
        "UTC; `funding live status` says more",
        {"age_seconds": age.total_seconds()},
    )


def _venues(latest: Latest) -> Iterator[Observation]:
    for one in latest.frames[VENUES].iter_rows(named=True):
        age, trouble = one["age_seconds"], legible(one["trouble"] or "", ERROR_LENGTH)
        text = "nothing has come yet" if age is None else f"the newest data is {age:.0f} s old"
        yield Observation(
            one["venue"],
            None if age is None else age / FRESH_SECONDS,
            text + (f": {trouble}" if trouble else ""),
            {"age_seconds": age, "source": one["source"], "stale": one["stale"]},
        )


def _best_pairs(latest: Latest) -> Iterator[Observation]:
    """Observe the best actionable pair of every asset, as the board stands."""
    best = (
        latest.frames[PAIRS]
        .filter(pl.col("tier") == "actionable", pl.col("net_apr").is_not_null())
        .sort("net_apr", descending=True)
        .unique("asset", keep="first", maintain_order=True)
    )
    for row in best.iter_rows(named=True):
        yield pair_seen(row)
