"""From a lake to a receiver: what goes wrong is told once, and so is that it is well again."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.time_grid import HOUR
from funding_platform.flows.alerting.rounds import look, run_observed, send, sinks_of
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform.telemetry.alerts.errors import SinkConfigError
from funding_platform.telemetry.alerts.store import AlertStore
from funding_platform_tests.dbt.market import frame_of
from funding_platform_tests.telemetry.receiver import SECRET, Receiver, running_receiver

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def collected(settings: Settings, at: datetime) -> None:
    """A snapshot of that time."""
    row = {
        "venue": "okx",
        "venue_symbol": "BTC",
        "snapshot_hour": at.replace(minute=0),
        "observed_at": at,
    }
    with Lake(settings) as lake, lake.commit("run", "a snapshot") as transaction:
        transaction.append(MARKET_SNAPSHOTS, frame_of(MARKET_SNAPSHOTS, [row]))


def settings_for(receiver: Receiver, folder: Path) -> Settings:
    return Settings.model_validate(
        {
            "data_dir": folder,
            "venues": ("okx",),
            "alert_webhook_url": receiver.url,
            "alert_webhook_secret": SECRET,
        }
    )


def test_what_begins_and_ends_arrives_once(tmp_path: Path) -> None:
    stale = "core.market_snapshots of okx"
    with running_receiver() as receiver:
        settings = settings_for(receiver, tmp_path)
        collected(settings, NOW - 3 * HOUR)
        for minute in range(3):
            look(settings, NOW + minute * MINUTE)
            send(settings)
        assert receiver.events == [("raised", stale)]
        collected(settings, NOW)
        look(settings, NOW + 5 * MINUTE)
        run_observed(settings, "transform", failed=True, text="dbt failed", now=NOW)
        run_observed(settings, "transform", failed=True, text="dbt failed", now=NOW + MINUTE)
        run_observed(settings, "transform", failed=False, text="it is done", now=NOW + 2 * MINUTE)
        send(settings)
    assert receiver.events == [
        ("raised", stale),
        ("resolved", stale),
        ("raised", "transform"),
        ("resolved", "transform"),
    ]
    assert len(receiver.posts) == 4, "nothing was killed, so nothing was sent twice"


def test_an_end_of_a_run_ends_no_other_alert(tmp_path: Path) -> None:
    with running_receiver() as receiver:
        settings = settings_for(receiver, tmp_path)
        for job in ("history of okx", "transform"):
            run_observed(settings, job, failed=True, text="no", now=NOW)
        run_observed(settings, "transform", failed=False, text="yes", now=NOW)
        with AlertStore(settings.alerts_file) as store:
            assert [alert.subject for alert in store.active()] == ["history of okx"]


def test_checks_that_do_not_hold_are_told_until_they_do(tmp_path: Path) -> None:
    with running_receiver() as receiver:
        settings = settings_for(receiver, tmp_path)
        look(settings, NOW, ["fresh of rates"])
        look(settings, NOW + MINUTE)  # nobody asked the orchestrator
        look(settings, NOW + 2 * MINUTE, ["fresh of rates"])
        look(settings, NOW + 3 * MINUTE, [])
        send(settings)
    assert receiver.events == [("raised", "fresh of rates"), ("resolved", "fresh of rates")]
    assert {post["kind"] for post in receiver.posts} == {"check_failed"}


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"alert_webhook_url": "https://example.org/canary"}, "WEBHOOK_SECRET is not"),
        ({"alert_webhook_url": "canary", "alert_webhook_secret": SECRET}, "is no address"),
        ({"alert_apprise_urls": "json://localhost canary://x"}, "apprise does not know"),
    ],
)
def test_where_messages_go_is_refused_in_words(
    tmp_path: Path, given: dict[str, str], complaint: str
) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path, **given})
    with pytest.raises(SinkConfigError, match=complaint) as refused:
        sinks_of(settings)
    assert "canary" not in str(refused.value)


def test_no_secret_is_in_settings_that_are_shown_or_in_what_is_kept(tmp_path: Path) -> None:
    with running_receiver() as receiver:
        settings = settings_for(receiver, tmp_path)
        receiver.status = 500
        run_observed(settings, "transform", failed=True, text="dbt failed", now=NOW)
        send(settings)
    kept = b"".join(path.read_bytes() for path in settings.state_dir.iterdir())
    assert b"transform" in kept
    for said in (repr(settings), str(settings), settings.model_dump_json(), json.dumps(str(kept))):
        assert "canary" not in said
        assert SECRET not in said
