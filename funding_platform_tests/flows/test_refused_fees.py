"""Fees that are refused or doubted, and what a refusal leaves alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from funding_platform.core.errors import FundingError
from funding_platform.core.tables.fees import FEE_SCHEDULES
from funding_platform.core.time_grid import FIRST_PERPETUAL
from funding_platform.flows.errors import FeeRefusedError, NoOverrideError, UnknownTierError
from funding_platform.flows.fees import revoke_fees
from funding_platform.flows.queries import fee_overrides
from funding_platform.lake.connection import connect
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform.venues.errors import UnknownVenueError
from funding_platform_tests.flows.fees import DRIFT, START, TICK, VELOCITY, put, revoke, taker_at


def test_what_cannot_be_revoked(fee_lake: Settings) -> None:
    with pytest.raises(UnknownTierError, match="drift has no overrides"):
        revoke(fee_lake, DRIFT)
    put(fee_lake, DRIFT)
    with pytest.raises(UnknownTierError, match="drift has overrides of base"):
        revoke(fee_lake, replace(DRIFT, tier="vip"))
    with pytest.raises(NoOverrideError, match="begin at 2026-03-01T00:00:00"):
        revoke(fee_lake, replace(DRIFT, effective_from=VELOCITY))
    revoke(fee_lake, DRIFT)
    with pytest.raises(UnknownTierError):
        revoke(fee_lake, DRIFT)
    with connect(fee_lake) as connection:
        assert fee_overrides(connection).height == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"maker_bps": -10.1}, "maker fee of -10.1 bps for drift base lies outside -10 to 100"),
        ({"taker_bps": -0.1}, "taker fee of -0.1 bps for drift base lies outside 0 to 100"),
        ({"taker_bps": 450}, r"taker fee of 450 bps.*\n  hint: .*0\.045 % is 4\.5"),
        ({"maker_bps": float("nan")}, "maker fee of nan bps"),
        ({"min_volume_30d_usd": -1}, "30-day volume of -1 USD"),
        ({"min_volume_30d_usd": float("nan")}, "30-day volume of nan USD"),
        ({"min_volume_30d_usd": float("inf")}, "30-day volume of inf USD"),
        ({"effective_from": datetime(2026, 3, 1)}, "2026-03-01 00:00:00 has no zone"),
        ({"tier": "VIP 1"}, "'VIP 1' is no name of a tier"),
        ({"tier": ""}, "'' is no name of a tier"),
        ({"note": " \n"}, "the note is empty"),
    ],
)
def test_fees_that_make_no_sense(change: dict[str, Any], message: str) -> None:
    with pytest.raises(FeeRefusedError, match=message):
        replace(DRIFT, **change)


def test_an_unknown_venue(tmp_path: Path) -> None:
    with pytest.raises(UnknownVenueError, match="'driftt'"):
        replace(DRIFT, venue="driftt")
    with pytest.raises(UnknownVenueError, match="'driftt'"):
        revoke_fees(
            Settings(data_dir=tmp_path),
            venue="driftt",
            tier="base",
            effective_from=START,
            note="none",
            recorded_by="ana",
            run_id="run",
        )


@pytest.mark.parametrize(
    "start",
    [FIRST_PERPETUAL - TICK, datetime(2062, 3, 1, tzinfo=UTC)],
    ids=["before all history", "decades ahead"],
)
def test_fees_that_would_begin_at_an_absurd_time(fee_lake: Settings, start: datetime) -> None:
    with pytest.raises(FeeRefusedError, match=r"cannot begin at .*\n.*from 2016-05-01 to a year"):
        put(fee_lake, replace(DRIFT, effective_from=start))


@pytest.mark.parametrize(
    "change", [{"tier": "ours"}, {"effective_from": datetime.max.replace(tzinfo=UTC)}]
)
def test_a_refusal_writes_nothing(fee_lake: Settings, change: dict[str, Any]) -> None:
    with Lake(fee_lake) as lake:
        before = lake.snapshot_id()
        with pytest.raises(FundingError):
            put(fee_lake, replace(DRIFT, **change))
        assert lake.snapshot_id() == before


def test_a_maker_fee_above_the_taker_fee_is_doubted(fee_lake: Settings) -> None:
    assert DRIFT.doubts == []
    odd = replace(DRIFT, maker_bps=3.5)
    assert odd.doubts == ["the maker fee, 3.5 bps, is above the taker fee, 3 bps"]
    put(fee_lake, odd)
    assert taker_at(fee_lake, START) == {"base": 3.0}


def test_fees_ahead_of_their_time_are_announced_not_in_force(fee_lake: Settings) -> None:
    soon = datetime.now(UTC) + timedelta(days=30)
    put(fee_lake, replace(DRIFT, effective_from=soon))
    assert taker_at(fee_lake, datetime.now(UTC)) == {"base": 2.0}
    assert taker_at(fee_lake, soon) == {"base": 3.0}


def test_the_seed_is_never_touched(fee_lake: Settings, published_fees: Settings) -> None:
    put(fee_lake, replace(DRIFT, effective_from=VELOCITY))
    everything = f"FROM {FEE_SCHEDULES.full_name} ORDER BY ALL"
    with connect(fee_lake) as ours, connect(published_fees) as theirs:
        assert ours.execute(everything).fetchall() == theirs.execute(everything).fetchall()
