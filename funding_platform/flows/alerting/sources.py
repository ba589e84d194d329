"""What is observed for the alerts: one function per rule, of the lake as it stands.

What belongs here: how a figure comes about, and the sentence that goes with it. When it is worth
telling is a rule's matter: see ``telemetry.alerts.rules``. Whatever is asked is asked of the last
days or months, so that no question grows with the history.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import polars as pl

from funding_platform.core.plain_text import legible
from funding_platform.core.system.disks import free_bytes
from funding_platform.core.tables.marts.latest import COVERAGE
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES_BEST
from funding_platform.flows.alerting.scene import Scene, Source
from funding_platform.flows.checks.backtests import edge_holds
from funding_platform.flows.queries.connection import require_built
from funding_platform.flows.queries.upkeep.ages import data_ages
from funding_platform.flows.queries.upkeep.health import breaker_states
from funding_platform.telemetry.alerts.observing import Detail, Observation
from funding_platform.telemetry.alerts.rules import (
    COVERAGE_LOSS,
    CURVE_Z,
    DISK_LOW,
    EDGE_DECAY,
    FAILED_PARTITION,
    OPPORTUNITY,
    STALE,
    VENUE_DOWN,
)

ERROR_LENGTH: Final = 300
"""How much of an error goes into a message, in characters."""

FREE_BYTES: Final = 2 * 1024**3
"""What must be free on the disk: maintenance and the published file need room beside the lake."""

_FAILED_IN_A_ROW: Final = """
WITH attempts AS (
    SELECT venue, status, started_at, error,
        max(started_at) FILTER (status <> 'failed') OVER (PARTITION BY venue) AS last_good
    FROM core.collection_log
    WHERE dataset = 'core.market_snapshots' AND started_at BETWEEN $now - INTERVAL 7 DAY AND $now
)
SELECT venue,
    count(*) FILTER (status = 'failed' AND started_at > coalesce(last_good, '-infinity')),
    max_by(error, started_at) FILTER (status = 'failed'),
    any_value(last_good)
FROM attempts GROUP BY venue
"""
_FAILED_MONTHS: Final = """
WITH attempts AS (
    SELECT venue, dataset, strftime(window_start, '%Y-%m') AS month, status, started_at, error,
        max(started_at) FILTER (status <> 'failed')
            OVER (PARTITION BY venue, dataset, month) AS good
    FROM core.collection_log
    WHERE window_start IS NOT NULL AND started_at BETWEEN $now - INTERVAL 35 DAY AND $now
)
SELECT venue, dataset, month,
    count(*) FILTER (status = 'failed' AND started_at > coalesce(good, '-infinity')),
    max_by(error, started_at) FILTER (status = 'failed'),
    min(started_at) FILTER (status = 'failed' AND started_at > coalesce(good, '-infinity'))
FROM attempts GROUP BY ALL HAVING count(*) FILTER (status = 'failed') > 0
"""
_COVERAGE: Final = """
SELECT venue, strftime(month, '%Y-%m'), sum(missing)::BIGINT, sum(expected)::BIGINT
FROM marts.coverage WHERE month >= date_trunc('month', $now - INTERVAL 1 MONTH) AND month <= $now
GROUP BY ALL HAVING sum(expected) > 0
"""
_CURVES: Final = """
SELECT venue, venue_symbol, as_of, level, level_z, slope, slope_z
FROM features.curve_factors AS f JOIN core.instruments AS i USING (venue, venue_symbol)
WHERE f.kind = 'settled' AND f.as_of BETWEEN $now - INTERVAL 2 DAY AND $now
    AND list_contains($bases, i.base) AND i.status = 'trading'
QUALIFY row_number() OVER (PARTITION BY venue, venue_symbol ORDER BY as_of DESC) = 1
"""
_OPPORTUNITIES: Final = """
SELECT asset, long_venue, long_symbol, short_venue, short_symbol, net_apr, cost_bps, observed_at
FROM marts.opportunities_best WHERE tier = 'actionable' AND net_apr IS NOT NULL
"""


def stale(scene: Scene) -> list[Observation]:
    """Observe the age of the newest rows, as a multiple of the age that is tolerated."""
    ages = data_ages(scene.lake, scene.venues, scene.now)
    return [
        Observation(
            " of ".join(filter(None, (row["asset"], row["venue"]))),
            None if row["age_hours"] is None else row["age_hours"] / row["tolerated_hours"],
            _age(row["newest"], row["age_hours"], row["tolerated_hours"]),
            {
                "venue": row["venue"],
                "age_hours": row["age_hours"],
                "tolerated_hours": row["tolerated_hours"],
            },
        )
        for row in ages.iter_rows(named=True)
    ]


def _age(newest: datetime | None, age_hours: float | None, tolerated_hours: float) -> str:
    if newest is None or age_hours is None:
        return "nothing of the last 60 days is there"
    return (
        f"the newest row is of {newest:%Y-%m-%d %H:%M} UTC, {age_hours:.1f} hours old; "
        f"{tolerated_hours:g} are tolerated"
    )


def venues_down(scene: Scene) -> list[Observation]:
    """Observe failures in a row; a breaker that is not closed counts as too many of them."""
    enough = scene.rules[VENUE_DOWN.kind].raise_at
    logged = {row[0]: row[1:] for row in scene.rows(_FAILED_IN_A_ROW, now=scene.now)}
    return [
        _standing(row, *logged.get(row["venue"], (0, None, None)), enough=enough)
        for row in breaker_states(scene.settings, scene.venues, scene.now).iter_rows(named=True)
    ]


def _standing(
    breaker: Mapping[str, Any],
    in_a_row: int,
    error: str | None,
    last_good: datetime | None,
    *,
    enough: float,
) -> Observation:
    state = breaker["breaker_state"]
    details: dict[str, Detail] = {
        "failed_in_a_row": in_a_row,
        "breaker_state": state,
        "last_success": None if last_good is None else last_good.isoformat(),
    }
    reason = breaker["ban"] if state == "banned" else error or breaker["last_failure"]
    troubled = in_a_row > 0 or state != "closed"
    said = f": {legible(reason, ERROR_LENGTH)}" if reason and troubled else ""
    return Observation(
        breaker["venue"],
        in_a_row if state == "closed" else max(in_a_row, enough),
        f"{in_a_row} collections in a row have failed, its breaker is {state}{said}",
        details,
    )


def coverage_lost(scene: Scene) -> list[Observation]:
    """Observe the share of settlements that is missing, of this month and the last."""
    require_built(scene.lake, COVERAGE)
    return [
        Observation(
            f"{venue}, {month}",
            missing / expected,
            f"{missing:,} of {expected:,} settlements are missing; `funding coverage --gaps` "
            "names them",
            {"venue": venue, "missing": missing, "expected": expected},
        )
        for venue, month, missing, expected in scene.rows(_COVERAGE, now=scene.now)
        if venue in scene.venues
    ]


def failed_partitions(scene: Scene) -> list[Observation]:
    """Observe months whose newest attempts have failed."""
    found = scene.rows(_FAILED_MONTHS, now=scene.now)
    return [_failed_month(*row) for row in found]


def _failed_month(
    venue: str, dataset: str, month: str, failed: int, error: str | None, since: datetime | None
) -> Observation:
    told = (
        "the last attempt succeeded"
        if since is None
        else f"{failed} attempts have failed since {since:%Y-%m-%d %H:%M} UTC: "
        f"{legible(error or '', ERROR_LENGTH)}"
    )
    details = {"venue": venue, "dataset": dataset, "month": month}
    return Observation(f"{dataset} of {venue}, {month}", failed, told, details)


def curves_far_from_mean(scene: Scene) -> list[Observation]:
    """Observe level and slope of the newest settled curve of every instrument that is watched."""
    bases = list(scene.settings.alert_bases)
    rows = scene.lake.execute(_CURVES, {"now": scene.now, "bases": bases}).pl()
    return [*curves_seen(rows)]


def curves_seen(factors: pl.DataFrame) -> Iterator[Observation]:
    """Tell how far level and slope of curves are from their mean.

    Parameters
    ----------
    factors
        Columns of ``features.curve_factors``, one row per instrument.
    """
    for row in factors.iter_rows(named=True):
        venue, symbol = row["venue"], row["venue_symbol"]
        for name in ("level", "slope"):
            figure, z = row[name], row[f"{name}_z"]
            yield Observation(
                f"{venue} {symbol}, {name}",
                None if z is None else abs(z),
                f"its {name} is {_percent(figure)} a year, z = {_number(z)}, as of "
                f"{row['as_of']:%Y-%m-%d %H:%M} UTC",
                {"venue": venue, "venue_symbol": symbol, name: figure, "z": z},
            )


def opportunities(scene: Scene) -> list[Observation]:
    """Observe the best actionable pair of every asset, as the marts have it."""
    require_built(scene.lake, OPPORTUNITIES_BEST)
    rows = scene.lake.execute(_OPPORTUNITIES).pl().iter_rows(named=True)
    return [pair_seen(row) for row in rows]


def pair_seen(row: dict[str, Any]) -> Observation:
    """Write what is observed of one row of ``marts.opportunities``."""
    net, at = row["net_apr"], row["observed_at"]
    return Observation(
        row["asset"],
        net,
        f"long {row['long_venue']} {row['long_symbol']}, short {row['short_venue']} "
        f"{row['short_symbol']}: {_percent(net)} a year net of {row['cost_bps']:.1f} bp, at "
        f"{at:%Y-%m-%d %H:%M} UTC",
        {"long_venue": row["long_venue"], "short_venue": row["short_venue"], "net_apr": net},
    )


def edges_decayed(scene: Scene) -> list[Observation]:
    """Observe whether the newest backtest still earns what its first run promised."""
    answer = edge_holds(scene.lake)
    figures = {
        name: value
        for name, value in answer.figures.items()
        if isinstance(value, str | int | float | bool | None)
    }
    return [Observation("the newest backtest", float(not answer.passed), answer.verdict, figures)]


def disk_low(scene: Scene) -> list[Observation]:
    """Observe how much of what must be free on the disk is free."""
    free = free_bytes(scene.settings.lake_dir)
    return [
        Observation(
            "the disk",
            FREE_BYTES / max(free, 1),
            f"{free / 1024**3:.1f} GiB are free for {scene.settings.data_dir}; "
            f"{FREE_BYTES / 1024**3:g} are needed",
            {"free_bytes": free},
        )
    ]


SOURCES: Final[Mapping[str, Source]] = {
    STALE.kind: stale,
    VENUE_DOWN.kind: venues_down,
    COVERAGE_LOSS.kind: coverage_lost,
    FAILED_PARTITION.kind: failed_partitions,
    CURVE_Z.kind: curves_far_from_mean,
    OPPORTUNITY.kind: opportunities,
    EDGE_DECAY.kind: edges_decayed,
    DISK_LOW.kind: disk_low,
}
"""By the kind of the rule that they serve."""


def _percent(fraction: float | None) -> str:
    return "unknown" if fraction is None else f"{100 * fraction:.1f} %"


def _number(figure: float | None) -> str:
    return "unknown" if figure is None else f"{figure:.2f}"
