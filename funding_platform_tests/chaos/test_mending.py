"""Upgrading, restoring and sending alerts, killed at random instants: all of it or nothing."""

import random
import shutil
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from funding_platform.core.tables.collected import COLLECTION_LOG
from funding_platform.lake import connect
from funding_platform.lake.errors import CatalogLostError, LakeMissingError
from funding_platform.lake.upgrade import planned
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform.telemetry.alerts.observing import Evaluation, Observation
from funding_platform.telemetry.alerts.store import AlertStore
from funding_platform_tests.chaos.invariants import Acknowledged, Months, broken, torn_months
from funding_platform_tests.chaos.kills import Tally, Watch, kill_somewhere, orphans_of
from funding_platform_tests.chaos.report import ROUNDS, SEED
from funding_platform_tests.chaos.shell import Shell
from funding_platform_tests.telemetry.receiver import SECRET, Receiver, running_receiver

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(0)]

NEWER = ("window_start", "window_end", "breaker_state")
"""Columns that the log has gained since it was first declared."""

ALERTS = 60


def age(settings: Settings) -> None:
    """Make the lake one of an older version."""
    with Lake(settings) as lake:
        for column in NEWER:
            lake.connection.execute(f"ALTER TABLE {COLLECTION_LOG.full_name} DROP COLUMN {column}")


def half_upgraded(settings: Settings) -> list[str]:
    left = len(planned(settings))
    return [] if left in (0, len(NEWER)) else [f"{left} of {len(NEWER)} changes are left"]


def test_a_killed_upgrade(stocked: Shell, tmp_path: Path) -> None:
    shell = stocked.copy(tmp_path)
    settings, draw = shell.settings, random.Random(f"{SEED} upgrade")
    tally = Tally("`funding upgrade`, killed")
    age(settings)
    usual = shell.run("upgrade")
    stored = Acknowledged.of(settings)
    while tally.tried < ROUNDS:
        age(settings)
        watch = Watch(settings, partial(half_upgraded, settings))
        process = shell.start("upgrade")
        killed = kill_somewhere(process, watch, draw, usual)
        writing, found = watch.writing_has_begun(), [*watch.torn, *orphans_of(process)]
        found += half_upgraded(settings)
        usual = shell.run("upgrade")
        found += broken(settings, stored)
        if killed:
            tally.add(found, usual, writing=writing)
        else:
            assert not found
    tally.close()


def is_back(settings: Settings) -> bool:
    try:
        connect(settings).close()
    except (LakeMissingError, CatalogLostError):
        return False
    return True


def half_restored(settings: Settings, months: Months) -> list[str]:
    return torn_months(settings, months, {}) if is_back(settings) else []


def test_a_killed_restore(stocked: Shell, tmp_path: Path) -> None:
    shell = stocked.copy(tmp_path)
    settings, draw = shell.settings, random.Random(f"{SEED} restore")
    tally = Tally("`funding restore`, killed")
    restore = ("restore", str(tmp_path / "backups"))
    shell.run("backup", restore[1])
    stored = Acknowledged.of(settings)
    shutil.rmtree(settings.lake_dir)
    usual = shell.run(*restore)
    while tally.tried < ROUNDS:
        shutil.rmtree(settings.lake_dir)
        watch = Watch(settings, partial(half_restored, settings, stored.months))
        process = shell.start(*restore)
        killed = kill_somewhere(process, watch, draw, usual)
        writing, found = watch.writing_has_begun(), [*watch.torn, *orphans_of(process)]
        if not is_back(settings):
            usual = shell.run(*restore)
        found += broken(settings, stored)
        if killed:
            tally.add(found, usual, writing=writing)
        else:
            assert not found
    tally.close()


def raise_alerts(settings: Settings, number: int) -> list[str]:
    """Have alerts wait for being sent; returns of what."""
    subjects = [f"venue-{number}-{one}" for one in range(ALERTS)]
    seen = [Observation(subject, 9.0, "answers nothing") for subject in subjects]
    with AlertStore(settings.alerts_file) as store:
        told = store.observe(
            [Evaluation("venue_down", seen, whole=False)], ("webhook",), datetime.now(UTC)
        )
    assert len(told) == ALERTS
    return subjects


def test_a_killed_sender(stocked: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = stocked.copy(tmp_path)
    settings, draw = shell.settings, random.Random(f"{SEED} sender")
    tally = Tally("`funding alerts send`, killed")
    with running_receiver() as receiver:
        monkeypatch.setenv("FUNDING_ALERT_WEBHOOK_URL", receiver.url)
        monkeypatch.setenv("FUNDING_ALERT_WEBHOOK_SECRET", SECRET)
        raise_alerts(settings, 0)
        usual, number = send_all(shell), 0
        while tally.tried < ROUNDS:
            number += 1
            receiver.posts.clear()
            subjects = raise_alerts(settings, number)
            watch = Watch(settings, list, lambda: len(receiver.posts))
            process = shell.start("alerts", "send")
            killed = kill_somewhere(process, watch, draw, usual)
            writing, found = watch.writing_has_begun(), orphans_of(process)
            usual = send_all(shell)
            found += unfaithful(receiver, subjects, kills=int(killed))
            if killed:
                tally.add(found, usual, writing=writing)
            else:
                assert not found
    tally.close()


def waiting(settings: Settings) -> int:
    with AlertStore(settings.alerts_file) as store:
        return store.waiting()["webhook"].messages


def send_all(shell: Shell) -> float:
    """Send until nothing waits: a busy machine needs several rounds; returns their seconds."""
    took = shell.run("alerts", "send")
    while left := waiting(shell.settings):
        took += shell.run("alerts", "send")
        assert waiting(shell.settings) < left, "nothing was sent"
    return took


def unfaithful(receiver: Receiver, subjects: list[str], *, kills: int) -> list[str]:
    """Alerts that were lost, came out of order, or twice without a kill."""
    found = []
    if receiver.events != [("raised", subject) for subject in subjects]:
        found.append(f"{len(receiver.events)} alerts of {len(subjects)} arrived, or out of order")
    if (again := len(receiver.posts) - len(receiver.events)) > kills:
        found.append(f"{again} alerts were sent again after {kills} kills")
    return found
