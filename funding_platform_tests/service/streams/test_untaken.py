"""Who takes nothing is told why, let go and dropped; others are not kept waiting."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psutil
import pytest

from funding_platform.service import server
from funding_platform.service.streams import follower
from funding_platform.settings import Settings
from funding_platform_tests.service.server import Served, hand_out, served
from funding_platform_tests.service.streams.listening import SUBSCRIBE, following, heard
from funding_platform_tests.waiting import until

WHY = b"nothing was taken for 20 s; connect again when there is time"
ASKED = b"GET /api/v1/stream?channels=funding_rates HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def test_who_takes_nothing_is_let_go_and_others_are_not_kept_waiting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "TAKEN_WITHIN_SECONDS", 1.0)
    hand_out(settings, 1e-4, symbols=6_000)
    with served(settings) as service, narrow(service) as stalled:
        stalled.sendall(ASKED)
        with following(service) as opened:
            opened.send(json.dumps({**SUBSCRIBE, "filters": {"bases": ["BTC"]}}))
            heard(opened, "subscribed")
            heard(opened, "snapshot")
            for version in range(2, 30):
                hand_out(settings, version * 1e-4, version=version, symbols=6_000)
                assert len(heard(opened, "changes")["data"]) == 2
                if service.figure("funding_service_streams_let_go_total") == 1:
                    break
            else:
                pytest.fail("a client that takes nothing is kept")
            assert service.figure("funding_service_stream_clients") == 1


def test_a_websocket_that_takes_nothing_is_told_why_it_is_let_go(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "TAKEN_WITHIN_SECONDS", 1.0)
    hand_out(settings, 1e-4, symbols=6_000)
    with served(settings) as service, narrow(service) as stalled:
        stalled.sendall(
            b"GET /ws/funding-rates HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        until(lambda: is_let_go(service), "a client that takes nothing is let go")
        end = b""
        while not end.endswith(WHY):
            taken = stalled.recv(2**20)
            assert taken, "it is closed without a word"
            end = (end + taken)[-200:]
    assert end.removesuffix(WHY).endswith((1013).to_bytes(2, "big"))


def test_a_connection_that_never_takes_anything_is_dropped(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing waits until all has been taken: nobody would ever end that wait."""
    monkeypatch.setattr(follower, "TAKEN_WITHIN_SECONDS", 1.0)
    monkeypatch.setattr(server, "UNTAKEN_SECONDS", 2)
    hand_out(settings, 1e-4, symbols=6_000)
    with served(settings) as service, narrow(service) as stalled:
        stalled.sendall(ASKED)
        address = stalled.getsockname()
        until(lambda: is_held(address), "it is there")
        until(lambda: not is_held(address), "the system has dropped it")


@contextmanager
def narrow(service: Served) -> Iterator[socket.socket]:
    """Connect to a service, with room for next to nothing of what it sends."""
    host, port = service.url.removeprefix("http://").split(":")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.settimeout(60)
        connection.connect((host, int(port)))
        yield connection


def is_let_go(service: Served) -> bool:
    """Have everything change, and tell whether somebody has been let go."""
    now = datetime.now(UTC)
    hand_out(service.settings, now.timestamp() * 1e-14, symbols=6_000, at=now)
    time.sleep(1.0)  # the hub looks as often
    return service.figure("funding_service_streams_let_go_total") > 0


def is_held(address: tuple[str, int]) -> bool:
    """Tell whether the service's side of a connection is there."""
    return any(one.raddr == address for one in psutil.Process().net_connections("tcp"))
