"""Who comes back to a stream goes on from where everything had been told, and misses nothing."""

import asyncio
import time
from typing import Any

import httpx
import msgspec
import pytest

from funding_platform.service import versions
from funding_platform.service.app import BEGUN_AGAIN_AFTER_SECONDS
from funding_platform.service.reader import Readers
from funding_platform.service.streams import hub
from funding_platform.service.streams.follower import Follower
from funding_platform.service.streams.hub import Hub
from funding_platform.service.streams.messages import Channel, Filters
from funding_platform.service.versions import Versions
from funding_platform.settings import Settings
from funding_platform_tests.service.server import hand_out, served
from funding_platform_tests.service.streams.listening import events_of, rates
from funding_platform_tests.waiting import until

RATES = {"channels": "funding_rates"}
TWO = {"channels": ["funding_rates", "events"]}


def told(
    client: httpx.Client, asked: dict[str, Any], number: int, last: str = ""
) -> list[dict[str, Any]]:
    """Return the first events of a stream, as a browser would ask for it."""
    headers = {"Last-Event-ID": last} if last else {}
    with client.stream("GET", "/api/v1/stream", params=asked, headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = events_of(response)
        return [next(events) for _ in range(number)]


def test_events_go_on_where_a_client_left_off(settings: Settings) -> None:
    with served(settings) as service, service.client() as client:
        subscribed, first = told(client, RATES, 2)
        assert (subscribed["event"], first["event"]) == ("subscribed", "snapshot")
        hand_out(settings, 2e-4, version=2)
        time.sleep(2.5)  # the hub looks once a second; if later, it is told as it happens
        _, again = told(client, RATES, 2, last=first["id"])
        assert again["event"] == "changes"
        _, unknown = told(client, RATES, 2, last="00000000-7")
        assert unknown["event"] == "snapshot"


def test_nobody_has_a_place_to_go_on_from_before_all_snapshots(settings: Settings) -> None:
    with served(settings) as service, service.client() as client:
        subscribed, first, second = told(client, TWO, 3)
        assert "id" not in subscribed
        assert "id" not in first, "of the other channel nothing has been told"
        assert second["id"]


def test_a_place_is_one_of_the_same_question(settings: Settings) -> None:
    with served(settings) as service, service.client() as client:
        *_, narrow = told(client, {**RATES, "bases": "BTC"}, 2)
        _, wide = told(client, RATES, 2, last=narrow["id"])
        assert wide["event"] == "snapshot", "of what was not asked for nothing had been told"
        asked = {"bases": "BTC", **RATES}
        subscribed, *_ = told(client, asked, 1, last=narrow["id"])
        assert subscribed["id"] == narrow["id"]


def test_what_changed_while_nobody_looked_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "LINGERING_SECONDS", 0.0)
    with served(settings) as service, service.client() as client:
        *_, first = told(client, RATES, 2)
        until(lambda: service.figure("funding_service_stream_clients") == 0, "it has gone")
        hand_out(settings, 3e-4, version=2)

        def come_back() -> dict[str, Any]:
            _, event = told(client, RATES, 2, last=first["id"])
            assert [*rates(event["data"]).values()] == pytest.approx([3e-4] * 2)
            return event

        until(lambda: come_back()["event"] == "snapshot", "the hub has forgotten the channel")


def test_a_place_is_never_ahead_of_any_channel(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one channel is being told, another may move; who is cut off there must not miss it."""
    for looks in (hub, versions):
        monkeypatch.setattr(looks, "LOOKED_AT_EVERY_SECONDS", 0.05)
    emitted: list[tuple[str, int | None]] = []
    known: dict[str, int] = {}

    async def follow() -> None:
        readers, enough = Readers(settings), asyncio.Event()
        newest = Versions(settings, readers)
        looked = Hub(readers, newest)
        await newest.refresh()
        keeping = [asyncio.create_task(one()) for one in (newest.keep, looked.keep)]

        async def emit(kind: str, text: bytes, up_to: int | None) -> None:
            emitted.append((kind, up_to))
            if len(emitted) == 9:
                enough.set()
            message = msgspec.json.decode(text)
            if kind in ("snapshot", "changes"):
                before, number = looked.sequence, len(emitted)
                hand_out(settings, number * 1e-4, version=number, silent=number % 2 == 0)
                await moved(looked, before)  # while this is under way
                known[message["channel"]] = message["sequence"]
            if up_to is not None:
                assert len(known) == 2
                assert up_to <= min(known.values())

        one = Follower(looked, emit, lambda: True)
        channels: tuple[Channel, ...] = ("funding_rates", "events")
        await one.subscribe(channels, Filters())
        telling = asyncio.create_task(one.run())
        await asyncio.wait(
            {telling, asyncio.create_task(enough.wait())}, return_when="FIRST_COMPLETED"
        )
        for task in (telling, *keeping):
            task.cancel()
        met = await asyncio.gather(telling, *keeping, return_exceptions=True)
        readers.close()
        assert all(isinstance(one, asyncio.CancelledError) for one in met), met

    asyncio.run(follow())
    assert emitted[-1][1] is not None


async def moved(looked: Hub, before: int) -> None:
    """Wait until the hub has seen something after a sequence."""
    woken = asyncio.Event()
    looked.wake(woken)
    if looked.sequence == before:
        await woken.wait()
    looked.let_sleep(woken)


def test_a_bug_once_does_not_end_the_streams(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refresh, times = Versions.refresh, [0]

    async def once_broken(self: Versions) -> None:
        times[0] += 1
        if times[0] == 3:
            raise RuntimeError("a bug")
        await refresh(self)

    monkeypatch.setattr(Versions, "refresh", once_broken)
    with served(settings) as service, service.client() as client:
        until(lambda: times[0] > 3, f"it is looked at again after {BEGUN_AGAIN_AFTER_SECONDS} s")
        asked = {"channels": "funding_rates"}
        with client.stream("GET", "/api/v1/stream", params=asked) as response:
            events = events_of(response)
            assert [next(events)["event"] for _ in range(2)] == ["subscribed", "snapshot"]
            hand_out(settings, 5e-4, version=2)
            assert next(events)["event"] == "changes"
    assert "versions broke off and begins again" in caplog.text
