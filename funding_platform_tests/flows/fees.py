"""Fees of a venue, set and revoked by hand in tests."""

from datetime import UTC, datetime, timedelta

from funding_platform.flows.fees import NewFees, revoke_fees, set_fees
from funding_platform.flows.queries import fees_at
from funding_platform.lake.connection import connect
from funding_platform.settings import Settings

START = datetime(2026, 3, 1, tzinfo=UTC)
VELOCITY = datetime(2026, 7, 1, tzinfo=UTC)
"""When Drift's published fees changed, the only time that they did."""

TICK = timedelta(microseconds=1)

DRIFT = NewFees(
    venue="drift", tier="base", maker_bps=-1.5, taker_bps=3, effective_from=START, note="agreed"
)


def put(settings: Settings, fees: NewFees, *, by: str = "ana", run_id: str = "run-1") -> None:
    set_fees(settings, fees, recorded_by=by, run_id=run_id)


def revoke(settings: Settings, fees: NewFees, *, run_id: str = "run-2") -> None:
    revoke_fees(
        settings,
        venue=fees.venue,
        tier=fees.tier,
        effective_from=fees.effective_from,
        note="a mistake",
        recorded_by="ben",
        run_id=run_id,
    )


def taker_at(settings: Settings, instant: datetime, venue: str = "drift") -> dict[str, float]:
    """Taker fees by tier."""
    with connect(settings) as connection:
        found = fees_at(connection, instant, venue=venue)
    return dict(found.select("tier", "taker_bps").iter_rows())
