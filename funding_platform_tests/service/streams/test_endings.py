"""Who is kept out of a stream, what ends it, and what is left of who is gone."""

import asyncio
import json
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from funding_platform.service.access.keys import Rate, create_key, revoke_key
from funding_platform.service.reader import Readers
from funding_platform.service.streams import follower
from funding_platform.service.streams.hub import Hub
from funding_platform.service.versions import Versions
from funding_platform.settings import Settings
from funding_platform_tests.service.server import hand_out, served
from funding_platform_tests.service.streams.listening import (
    SUBSCRIBE,
    following,
    heard,
)


def test_the_end_of_the_service_is_told(settings: Settings) -> None:
    with served(settings) as service, following(service) as opened:
        opened.send(json.dumps(SUBSCRIBE))
        heard(opened, "subscribed")
        heard(opened, "snapshot")
        service.server.should_exit = True
        assert "ends" in heard(opened, "closing")["reason"]
        with pytest.raises(ConnectionClosed) as closed:
            opened.recv(timeout=60)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012


def test_a_stream_needs_a_key_and_ends_with_it(settings: Settings) -> None:
    key, kept = create_key(
        settings.service_keys_file, name="desk", scope="read", rate=Rate(100, 1.0)
    )
    with served(settings, public=True) as service:
        with pytest.raises(InvalidStatus, match="401"), following(service):
            pass
        headers = {"Authorization": f"Bearer {key}"}
        with following(service, additional_headers=headers) as opened:
            opened.send(json.dumps(SUBSCRIBE))
            heard(opened, "subscribed")
            heard(opened, "snapshot")
            revoke_key(settings.service_keys_file, kept.id)
            for number in range(2, 60):
                hand_out(settings, number * 1e-4, version=number)
                message = json.loads(opened.recv(timeout=60))
                if message["type"] == "closing":
                    break
            assert "key" in message["reason"]


def test_pages_from_elsewhere_open_no_stream(settings: Settings) -> None:
    with (
        served(settings) as service,
        pytest.raises(InvalidStatus, match="403"),
        following(service, origin="https://elsewhere.example"),
    ):
        pass


def test_who_is_gone_leaves_no_task_behind(tmp_path: Path) -> None:
    async def left() -> set[str]:
        settings = Settings(data_dir=tmp_path)
        readers = Readers(settings)
        telling = asyncio.create_task(
            follower.Follower(Hub(readers, Versions(settings, readers)), _take, lambda: True).run()
        )
        for _ in range(5):  # in which it comes to wait
            await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 2
        telling.cancel()
        await asyncio.wait([telling])
        await asyncio.sleep(0)  # in which what was cancelled ends
        readers.close()
        return {str(task) for task in asyncio.all_tasks() - {asyncio.current_task()}}

    assert asyncio.run(left()) == set()


async def _take(_kind: str, _told: bytes, _up_to: int | None) -> None:
    """Take what is told."""
