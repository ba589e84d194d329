"""When runs start: the decisions, and the sensors around them."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
import time_machine
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.test_utils import create_run_for_test

from funding_platform.core.tables.collected import FUNDING_RATES, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import floor_hour
from funding_platform.defs.assets.features import ONLY_CHANGED
from funding_platform.defs.assets.raw import NEXT_ROLLS, raw_key
from funding_platform.defs.automation.rolls import ROLL_TAG
from funding_platform.defs.automation.transform import MISSING_TAG
from funding_platform.defs.partitions import HOURLY_TABLES
from funding_platform.defs.running.jobs import COLLECT, history_job_name
from funding_platform.venues.registry import offering, venue_names
from funding_platform_tests.present import PRESENT

VENUES = venue_names()
HOUR = floor_hour(PRESENT)
HOUR_KEY = f"{HOUR:%Y-%m-%d-%H:%M}"

pytestmark = pytest.mark.usefixtures("present")


def tick(
    definitions: dg.Definitions,
    sensor: str,
    instance: dg.DagsterInstance | None = None,
    cursor: str | None = None,
) -> SensorExecutionData:
    context = dg.build_sensor_context(
        instance=instance, repository_def=definitions.get_repository_def(), cursor=cursor
    )
    return definitions.get_repository_def().get_sensor_def(sensor).evaluate_tick(context)


def come_in(instance: dg.DagsterInstance, hour: str, *venues: str) -> None:
    """Have venues' snapshots and instruments of an hour materialised."""
    for venue in venues:
        for table in HOURLY_TABLES:
            instance.report_runless_asset_event(
                dg.AssetMaterialization(raw_key(venue, table), partition=hour)
            )


def test_the_collection_is_asked_for_once_an_hour(definitions: dg.Definitions) -> None:
    (first,), (second,) = (
        tick(definitions, "hourly_collection").run_requests or [] for _ in range(2)
    )
    assert first.run_key == f"collect-{first.partition_key}"
    assert first.run_key == second.run_key
    hour = datetime.strptime(str(first.partition_key), "%Y-%m-%d-%H:%M").replace(tzinfo=UTC)
    assert hour == floor_hour(datetime.now(UTC))


def test_transforms_start_when_every_venue_is_in(definitions: dg.Definitions) -> None:
    name = "transform_after_collection"
    with (
        time_machine.travel(f"{HOUR:%Y-%m-%d %H}:01:00+00:00"),
        dg.DagsterInstance.ephemeral() as instance,
    ):
        waiting = tick(definitions, name, instance)
        assert not waiting.run_requests
        assert f"0 of {len(VENUES)} venues" in str(waiting.skip_message)
        come_in(instance, HOUR_KEY, *VENUES)
        due = tick(definitions, name, instance)
        again = tick(definitions, name, instance, due.cursor)
    (request,) = due.run_requests or []
    assert request.run_key == f"transform-{HOUR_KEY}"
    assert request.tags[ONLY_CHANGED] == "true"
    assert MISSING_TAG not in request.tags
    assert not again.run_requests


def test_transforms_that_wait_no_longer_name_who_is_missing(definitions: dg.Definitions) -> None:
    with (
        time_machine.travel(f"{HOUR:%Y-%m-%d %H}:10:00+00:00"),
        dg.DagsterInstance.ephemeral() as instance,
    ):
        come_in(instance, HOUR_KEY, *(venue for venue in VENUES if venue not in ("okx", "grvt")))
        (request,) = tick(definitions, "transform_after_collection", instance).run_requests or []
    assert sorted(request.tags[MISSING_TAG].split(",")) == ["grvt", "okx"]


def test_a_venue_that_failed_is_asked_again_alone(definitions: dg.Definitions) -> None:
    with (
        time_machine.travel(f"{HOUR:%Y-%m-%d %H}:01:00+00:00") as clock,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        create_run_for_test(
            instance,
            job_name=COLLECT,
            status=dg.DagsterRunStatus.SUCCESS,
            tags={"dagster/partition": HOUR_KEY},
        )
        come_in(instance, HOUR_KEY, *(venue for venue in VENUES if venue != "okx"))
        assert not tick(definitions, "second_chances", instance).run_requests
        clock.move_to(HOUR + timedelta(minutes=6))
        first, restarted = (tick(definitions, "second_chances", instance) for _ in range(2))
        done = tick(definitions, "second_chances", instance, first.cursor)
        come_in(instance, HOUR_KEY, "okx")
        clock.move_to(HOUR + timedelta(minutes=15))
        healed = tick(definitions, "second_chances", instance, first.cursor)
    (request,) = first.run_requests or []
    assert request.run_key == f"again-okx-{HOUR + timedelta(minutes=5):%Y-%m-%d-%H:%M}"
    assert request.partition_key == HOUR_KEY
    assert set(request.asset_selection or []) == {raw_key("okx", table) for table in HOURLY_TABLES}
    assert [one.run_key for one in restarted.run_requests or []] == [request.run_key]
    assert not done.run_requests
    assert not healed.run_requests


def test_history_is_one_run_per_venue(definitions: dg.Definitions) -> None:
    with time_machine.travel("2026-10-14 08:21:00+00:00"):
        due = tick(definitions, "history_after_rolls")
        again = tick(definitions, "history_after_rolls", cursor=due.cursor)
    requests = due.run_requests or []
    with_history = offering(FUNDING_RATES, venue_names())
    assert [one.job_name for one in requests] == [history_job_name(name) for name in with_history]
    assert {one.partition_key for one in requests} == {"2026-10-01"}
    assert requests[0].run_key == "binance-2026-10-01-2026-10-14T08"
    assert len({one.run_key for one in requests}) == len(with_history)
    assert not again.run_requests


def test_early_in_a_month_the_one_before_is_refreshed_too(definitions: dg.Definitions) -> None:
    with time_machine.travel("2026-11-02 23:00:00+00:00"):
        requests = tick(definitions, "history_after_rolls").run_requests or []
    assert {one.partition_key for one in requests} == {"2026-10-01", "2026-11-01"}


def announce(instance: dg.DagsterInstance, venue: str, roll: datetime) -> None:
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            raw_key(venue, MARKET_SNAPSHOTS),
            metadata={NEXT_ROLLS: dg.MetadataValue.json([roll.isoformat()])},
        )
    )


def test_a_roll_is_followed_once_its_settlements_are_published(definitions: dg.Definitions) -> None:
    with (
        time_machine.travel(HOUR + timedelta(minutes=1)) as clock,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        announce(instance, "okx", HOUR)
        announce(instance, "okx", HOUR + timedelta(hours=8))  # the snapshot after the roll
        announce(instance, "bybit", HOUR + timedelta(hours=1))
        assert not tick(definitions, "funding_roll", instance).run_requests
        clock.move_to(HOUR + timedelta(minutes=2))
        first, restarted = (tick(definitions, "funding_roll", instance) for _ in range(2))
    (request,) = first.run_requests or []
    assert request.job_name == history_job_name("okx")
    assert request.asset_selection == [raw_key("okx", FUNDING_RATES)]
    assert request.run_key == f"roll-okx-{HOUR:%Y-%m-%dT%H:%M}"
    assert [one.run_key for one in restarted.run_requests or []] == [request.run_key]


def test_curves_follow_once_no_refresh_is_under_way(definitions: dg.Definitions) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert not tick(definitions, "curves_after_rolls", instance).run_requests
        runs = [
            create_run_for_test(
                instance,
                job_name=history_job_name(venue),
                status=status,
                tags={ROLL_TAG: f"{HOUR:%Y-%m-%dT%H:%M}"},
            )
            for venue, status in (
                ("okx", dg.DagsterRunStatus.SUCCESS),
                ("grvt", dg.DagsterRunStatus.STARTED),
            )
        ]
        assert not tick(definitions, "curves_after_rolls", instance).run_requests
        instance.report_run_failed(runs[1])
        (request,) = tick(definitions, "curves_after_rolls", instance).run_requests or []
    assert request.run_key == f"curves-{HOUR:%Y-%m-%dT%H:%M}-1"
    assert request.tags[ONLY_CHANGED] == "true"
    assert dg.AssetKey(["features", "curve_snapshots"]) in (request.asset_selection or [])
