"""Sensors of the alerts: a real run that fails and one that succeeds, told to a real receiver."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from funding_platform.defs.alerts import LOOK_EVERY, alert_sensors, is_due, subject_of
from funding_platform_tests.telemetry.receiver import SECRET, Receiver, running_receiver

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)


@dg.op(config_schema={"fails": bool})
def work(context: dg.OpExecutionContext) -> None:
    if context.op_config["fails"]:
        raise ValueError("the market is closed")


@dg.job
def trade() -> None:
    work()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture
def stated(tmp_path: Path, receiver: Receiver) -> dict[str, Any]:
    return {
        "data_dir": tmp_path,
        "venues": ("okx",),
        "alert_webhook_url": receiver.url,
        "alert_webhook_secret": SECRET,
    }


def test_a_failed_run_is_told_and_so_is_the_next_that_succeeds(
    stated: dict[str, Any], receiver: Receiver
) -> None:
    failed, recovered, alerts = alert_sensors(**stated)
    with dg.instance_for_test() as instance:
        for fails in (True, True, False):
            done = trade.execute_in_process(
                run_config={"ops": {"work": {"config": {"fails": fails}}}},
                instance=instance,
                raise_on_error=False,
                tags={"venue": "okx"},
            )
            event = done.get_run_failure_event() if fails else done.get_run_success_event()
            context = dg.build_run_status_sensor_context(
                "sensor",
                dagster_instance=instance,
                dagster_run=done.dagster_run,
                dagster_event=event,
            )
            (failed if fails else recovered)(context.for_run_failure() if fails else context)
        ticked = alerts.evaluate_tick(dg.build_sensor_context(instance=instance))
        events = str([instance.all_logs(run_id) for run_id in instance.get_run_ids()])
    assert ticked.skip_message is not None
    assert "messages sent" in ticked.skip_message
    assert "the market is closed" in events
    assert "canary" not in events + str(ticked)
    assert ("raised", "trade of okx") in receiver.events
    assert receiver.events.count(("resolved", "trade of okx")) == 1
    told = next(post for post in receiver.posts if post["event"] == "raised")
    assert told["kind"] == "run_failed"
    assert told["text"].endswith(": work: ValueError: the market is closed")
    assert done.run_id not in told["text"], "the first run that failed, not the last"


def test_the_lake_is_looked_at_every_five_minutes() -> None:
    assert is_due(None, NOW)
    assert not is_due(NOW.isoformat(), NOW + LOOK_EVERY - timedelta(seconds=1))
    assert is_due(NOW.isoformat(), NOW + LOOK_EVERY)
    assert is_due((NOW + timedelta(days=365)).isoformat(), NOW), "the clock was ahead"


def test_runs_of_chosen_assets_are_named_by_them() -> None:
    keys = frozenset(dg.AssetKey(["raw", venue, "funding_rates"]) for venue in ("okx", "bybit"))
    by_hand = dg.DagsterRun(job_name="__ASSET_JOB", asset_selection=keys)
    assert subject_of(by_hand) == "raw/bybit/funding_rates and 1 more assets"
    assert subject_of(dg.DagsterRun(job_name="transform")) == "transform"
