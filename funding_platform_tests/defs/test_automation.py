"""When runs start: the decisions, and the sensors around them."""

from datetime import UTC, datetime

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from funding_platform.core.tables.collected import FUNDING_RATES, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import floor_hour
from funding_platform.defs.automation import months_to_refresh, transform_is_due
from funding_platform.defs.features import ONLY_CHANGED
from funding_platform.defs.raw import HISTORIES, raw_key
from funding_platform.venues.registry import offering, venue_names, venue_spec

VENUES = ["binance", "okx"]

pytestmark = pytest.mark.usefixtures("present")


def at(minute: int) -> datetime:
    return datetime(2026, 3, 14, 9, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minute", "arrived", "due"),
    [
        (1, [], False),
        (1, ["binance"], False),
        (1, ["binance", "okx"], True),
        (9, ["binance"], False),
        (10, ["binance"], True),
        (59, [], False),
    ],
)
def test_transforms_wait_for_all_venues_or_the_deadline(
    minute: int, arrived: list[str], due: bool
) -> None:
    assert transform_is_due(at(minute), VENUES, arrived) is due


@pytest.mark.parametrize(
    ("day", "months"),
    [
        (datetime(2026, 3, 1, 0, 20, tzinfo=UTC), ["2026-02-01", "2026-03-01"]),
        (datetime(2026, 3, 2, 23, 0, tzinfo=UTC), ["2026-02-01", "2026-03-01"]),
        (datetime(2026, 3, 3, 0, 20, tzinfo=UTC), ["2026-03-01"]),
        (datetime(2026, 1, 1, 0, 20, tzinfo=UTC), ["2025-12-01", "2026-01-01"]),
    ],
)
def test_a_month_that_just_ended_is_still_refreshed(day: datetime, months: list[str]) -> None:
    assert months_to_refresh(day) == months


def tick(
    definitions: dg.Definitions, sensor: str, instance: dg.DagsterInstance | None = None
) -> SensorExecutionData:
    context = dg.build_sensor_context(
        instance=instance, repository_def=definitions.get_repository_def()
    )
    return definitions.get_repository_def().get_sensor_def(sensor).evaluate_tick(context)


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
    with dg.DagsterInstance.ephemeral() as instance:
        waiting = tick(definitions, name, instance)
        assert not waiting.run_requests
        assert f"0 of {len(venue_names())} venues" in str(waiting.skip_message)
        hour = f"{datetime.now(UTC):%Y-%m-%d-%H:00}"
        for venue in venue_names():
            instance.report_runless_asset_event(
                dg.AssetMaterialization(raw_key(venue, MARKET_SNAPSHOTS), partition=hour)
            )
        (due,) = tick(definitions, name, instance).run_requests or []
    assert due.run_key == f"transform-{hour}"
    assert due.tags[ONLY_CHANGED] == "true"


def test_history_is_one_run_per_venue(definitions: dg.Definitions) -> None:
    context = dg.build_schedule_context(
        scheduled_execution_time=datetime(2026, 3, 14, 0, 20, tzinfo=UTC),
        repository_def=definitions.get_repository_def(),
    )
    requests = (
        definitions.get_repository_def()
        .get_schedule_def("history_after_rolls")
        .evaluate_tick(context)
        .run_requests
    )
    with_history = offering(FUNDING_RATES, venue_names())
    assert requests is not None
    assert [list(request.asset_selection or []) for request in requests] == [
        [raw_key(venue, table) for table in HISTORIES if table in venue_spec(venue).offers]
        for venue in with_history
    ]
    assert {request.partition_key for request in requests} == {"2026-03-01"}
    assert len({request.run_key for request in requests}) == len(with_history)
