"""What strangers may cost: large and slow requests, and many that never ask anything."""

import asyncio
import logging
import socket
import threading
import time
from pathlib import Path

import pytest

from funding_platform.service import protocol
from funding_platform.service.access import bodies
from funding_platform.service.desk import MAX_AGE_SECONDS
from funding_platform.settings import Settings
from funding_platform_tests.service.server import Served, served

IDLE = 300


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, live=False)


def opened(service: Served) -> socket.socket:
    host, port = service.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def told(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass  # it closed with something of ours unread
    return b"".join(parts)


def test_headers_that_are_too_large_are_not_taken(settings: Settings) -> None:
    with served(settings) as service:
        for lines, size in ((1, 60_000), (2_000, 30), (1, 10_000_000)):
            with opened(service) as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
                try:
                    for number in range(lines):
                        connection.sendall(b"x-%d: " % number + b"y" * size + b"\r\n")
                    connection.sendall(b"\r\n")
                except OSError:
                    pass  # it has closed already
                answer = told(connection)
            assert not answer.startswith(b"HTTP/1.1 200"), (lines, size)
        assert service.get("/healthz").status_code == 200


def test_headers_that_trickle_in_are_not_waited_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    with served(settings) as service:
        idle = [opened(service) for _ in range(IDLE)]
        for number, connection in enumerate(idle):
            if number % 2:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: loc")
        assert service.get("/healthz").status_code == 200  # between them
        assert {told(connection)[:12] for connection in idle} == {b"HTTP/1.1 408"}
        for connection in idle:
            connection.close()
        with opened(service) as kept:  # answered once, and asked again after a pause
            for _ in range(2):
                kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert kept.recv(65_536).startswith(b"HTTP/1.1 200")
                time.sleep(1)


def test_a_body_that_trickles_in_is_not_waited_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.5)
    with served(settings) as service, opened(service) as connection:
        connection.sendall(
            b"PUT /api/v1/admin/venues/okx/fees HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        status = connection.recv(65_536).split(b"\r\n", 1)[0]
    assert status.split()[1] in (b"400", b"408")


@pytest.mark.world
def test_many_who_ask_one_thing_are_one_question(service: Served) -> None:
    """Of forty at once the lake is asked by few: the others wait for the same answer."""
    before, began = misses(service), time.monotonic()
    answers: list[int] = []

    def ask() -> None:
        response = service.get("/api/v1/stats/correlations", params={"limit": 77})
        answers.append(response.status_code)

    threads = [threading.Thread(target=ask) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 40
    grown_old = (time.monotonic() - began) / MAX_AGE_SECONDS  # answers, on a slow machine
    assert misses(service) - before <= 3 + grown_old


def misses(service: Served) -> float:
    return service.figure("funding_service_cache_answers_total", tier="process", found="no")


def test_a_question_that_nobody_waits_for_is_no_error(
    service: Served, caplog: pytest.LogCaptureFixture
) -> None:
    async def leave() -> None:
        host, port = service.url.removeprefix("http://").split(":")
        for number in range(20):
            _, writer = await asyncio.open_connection(host, int(port))
            path = f"/api/v1/stats/correlations?limit={200 + number}"
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            await writer.drain()
            writer.close()

    asyncio.run(leave())
    assert service.get("/api/v1/venues").status_code == 200
    assert [one.message for one in caplog.records if one.levelno >= logging.ERROR] == []
