"""What is active and what waits: one transaction, bounded, and whole after a kill."""

import os
import signal
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
from filelock import FileLock

from funding_platform.telemetry.alerts.errors import AlertStateError, SinkError
from funding_platform.telemetry.alerts.observing import Evaluation, Message, Observation
from funding_platform.telemetry.alerts.outbox import send_due
from funding_platform.telemetry.alerts.queues import (
    KEPT_ENDED,
    LONGEST_PAUSE,
    Waiting,
    pause_after,
)
from funding_platform.telemetry.alerts.sinks import WebhookSink
from funding_platform.telemetry.alerts.store import AlertStore
from funding_platform_tests.telemetry.receiver import SECRET, Receiver, running_receiver

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SINKS = ("webhook",)
SPAWN = get_context("spawn")


def down(*subjects: str, value: float = 3.0, whole: bool = True) -> list[Evaluation]:
    """Venues that are down, all that are."""
    seen = [Observation(subject, value, f"{subject} answers nothing") for subject in subjects]
    return [Evaluation("venue_down", seen, whole)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "alerts.sqlite"


def test_what_was_told_is_not_told_again_by_another_process(path: Path) -> None:
    with AlertStore(path) as store:
        assert [one.event for one in store.observe(down("okx", "bybit"), SINKS, NOW)] == [
            "raised"
        ] * 2
    with AlertStore(path) as store:
        assert store.observe(down("okx", "bybit"), SINKS, NOW + MINUTE) == []
        assert [alert.subject for alert in store.active()] == ["bybit", "okx"]
        (over,) = store.observe(down("okx"), SINKS, NOW + 2 * MINUTE)
        assert (over.event, over.subject, over.since) == ("resolved", "bybit", NOW)
        assert store.observe(down(whole=False), SINKS, NOW + 3 * MINUTE) == []
        ended = store.end("venue_down", "okx", SINKS, NOW + 4 * MINUTE)
        assert ended is not None
        assert ended.event == "resolved"
        assert store.end("venue_down", "okx", SINKS, NOW) is None
        assert store.active() == []
        assert store.waiting() == {"webhook": Waiting(4)}


def test_a_full_outbox_drops_the_oldest_and_says_so(path: Path) -> None:
    with AlertStore(path, most_waiting=2) as store:
        store.observe(down("a", "b", "c", "d"), SINKS, NOW)
        assert store.waiting() == {"webhook": Waiting(2, lost=2)}
        found = store.next_for("webhook", NOW)
        assert found is not None
        number, message = found
        assert (message.subject, message.lost_before) == ("c", 2)
        store.acknowledge(number, message, NOW)
        following = store.next_for("webhook", NOW)
        assert following is not None
        assert (following[1].subject, following[1].lost_before) == ("d", 0)


class Refusing:
    """A sink that takes nothing until it is told to."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.taken: list[str] = []
        self.asked = 0
        self.refuses = True

    def send(self, message: Message) -> None:
        """Refuse, or remember."""
        self.asked += 1
        if self.refuses:
            raise SinkError(f"{self.name} is down")
        self.taken.append(f"{message.event} {message.subject}")


def test_a_sink_that_refuses_is_left_alone_for_longer_and_keeps_the_order(path: Path) -> None:
    sink, other = Refusing("one"), Refusing("other")
    other.refuses = False
    with AlertStore(path) as store:
        for minute, subjects in enumerate((["okx"], ["okx", "bybit"], ["bybit"])):
            store.observe(down(*subjects), ("one", "other"), NOW + minute * MINUTE)
        assert send_due(store, [sink, other], clock=lambda: NOW) == 3
        assert other.taken == ["raised okx", "raised bybit", "resolved okx"]
        assert send_due(store, [sink, other], clock=lambda: NOW + pause_after(0) / 2) == 0
        assert sink.asked == 1
        assert store.waiting()["one"] == Waiting(3, 1, NOW + pause_after(0), "one is down")
        assert send_due(store, [sink], clock=lambda: NOW + MINUTE) == 0
        assert sink.asked == 2
        sink.refuses = False
        assert send_due(store, [sink], clock=lambda: NOW + LONGEST_PAUSE) == 3
        assert sink.taken == ["raised okx", "raised bybit", "resolved okx"]
        assert store.waiting() == {"one": Waiting(0), "other": Waiting(0)}


def test_a_pause_ahead_of_every_pause_is_over(path: Path) -> None:
    sink = Refusing("one")
    with AlertStore(path) as store:
        store.observe(down("okx"), ("one",), NOW)
        send_due(store, [sink], clock=lambda: NOW + timedelta(days=365))
        sink.refuses = False
        assert send_due(store, [sink], clock=lambda: NOW) == 1


def test_pauses_double_up_to_an_hour() -> None:
    pauses = [pause_after(failures) for failures in (0, 1, 2, 6, 7, 100)]
    assert [pause.total_seconds() for pause in pauses] == [30, 60, 120, 1920, 3600, 3600]


def test_what_became_of_messages_is_kept_for_a_while(path: Path) -> None:
    with AlertStore(path) as store:
        for minute in range(KEPT_ENDED + 1):
            subjects = ["okx"] if minute % 2 == 0 else []
            store.observe(down(*subjects), ("one",), NOW + minute * MINUTE)
        store.put_off("one", "it is down", NOW)
        found = store.next_for("one", NOW + MINUTE)
        assert found is not None
        store.give_up(*found, "it is gone", NOW + MINUTE)
        while found := store.next_for("one", NOW + MINUTE):
            store.acknowledge(*found, NOW + 2 * MINUTE)
        store.observe(down("okx", "bybit"), ("one",), NOW + 300 * MINUTE)
        waits, *arrived, dead = store.deliveries("one")
    assert (waits.state, waits.message.subject, waits.tries) == ("waiting", "bybit", 0)
    assert {one.state for one in arrived} == {"delivered"}
    assert len(arrived) == KEPT_ENDED
    assert (dead.state, dead.message.event, dead.tries) == ("dead", "raised", 2)
    assert (dead.error, dead.ended_at) == ("it is gone", NOW + MINUTE)


def test_one_process_sends_at_a_time(path: Path) -> None:
    sink = Refusing("one")
    sink.refuses = False
    with AlertStore(path) as store:
        store.observe(down("okx"), ("one",), NOW)
        with FileLock(path.with_suffix(".sending")):
            assert send_due(store, [sink], clock=lambda: NOW) == 0
        assert send_due(store, [sink], clock=lambda: NOW) == 1


class KilledAfterSending(WebhookSink):
    """Dies when the receiver has the message, before anybody notes that it has."""

    def send(self, message: Message) -> None:
        """Send, and be killed."""
        super().send(message)
        os.kill(os.getpid(), signal.SIGKILL)


def observe_and_die(path: Path, url: str) -> None:
    """What a process does that is killed between sending and acknowledging."""
    with AlertStore(path) as store:
        store.observe(down("okx"), SINKS, NOW)
        send_due(store, [KilledAfterSending(url, SECRET)])


def resolve_and_die(path: Path, url: str) -> None:
    """The same, when the venue is back."""
    with AlertStore(path) as store:
        store.observe(down(), SINKS, NOW + MINUTE)
        send_due(store, [KilledAfterSending(url, SECRET)])


@pytest.mark.world
def test_kills_between_sending_and_noting_it_lose_and_double_nothing(path: Path) -> None:
    with running_receiver() as receiver:
        for work in (observe_and_die, resolve_and_die, resolve_and_die):
            killed(work, path, receiver)
        with AlertStore(path) as store:
            send_due(store, [WebhookSink(receiver.url, SECRET)])
            assert store.waiting() == {"webhook": Waiting(0)}
        assert len(receiver.posts) > 2, "something was sent twice"
        assert receiver.events == [("raised", "okx"), ("resolved", "okx")]


def killed(work: object, path: Path, receiver: Receiver) -> None:
    """Do the work in a process that is killed by it."""
    process = SPAWN.Process(target=work, args=(path, receiver.url))  # type: ignore[arg-type]
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def test_a_receiver_that_is_down_gets_everything_once_it_is_back(path: Path) -> None:
    with running_receiver() as receiver, AlertStore(path) as store:
        sink = WebhookSink(receiver.url, SECRET)
        store.observe(down("okx"), SINKS, NOW)
        receiver.status = 503
        assert send_due(store, [sink], clock=lambda: NOW) == 0
        assert store.waiting()["webhook"].last_error == "127.0.0.1 answered with status 503"
        receiver.status = 200
        assert send_due(store, [sink], clock=lambda: NOW + MINUTE) == 1
        assert receiver.events == [("raised", "okx")]


def test_a_file_that_cannot_be_had_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    with pytest.raises(AlertStateError, match=r"alerts\.sqlite"):
        AlertStore(tmp_path / "state" / "alerts.sqlite")


def test_a_broken_file_is_replaced(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database" * 1000)
    with AlertStore(path) as store:
        assert store.active() == []
