"""Thousands who connect and say nothing, or next to nothing: others are answered meanwhile."""

import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from funding_platform.service.protocol import HEAD_SECONDS
from funding_platform.settings import Settings
from funding_platform_tests.service.server import Process, process
from funding_platform_tests.waiting import until

pytestmark = pytest.mark.chaos

PIECE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nx-slow: "


@contextmanager
def connected(
    service: Process, number: int, meanwhile: Callable[[], object] = lambda: None
) -> Iterator[list[socket.socket]]:
    """Open connections; what is refused is none.

    Parameters
    ----------
    meanwhile
        Is done after each hundred.
    """
    host, port = service.url.removeprefix("http://").split(":")
    with ExitStack() as stack:
        opened = []
        for count in range(number):
            if count % 100 == 0:
                meanwhile()
            with suppress(OSError):
                one = socket.create_connection((host, int(port)), timeout=60)
                opened.append(stack.enter_context(one))
        yield opened


def has_room(files: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < files:
        pytest.skip(f"a process may have {hard} files open here, and this takes {files}")
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))


@pytest.mark.parametrize(("files", "sockets"), [(1_024, 2_000), (None, 10_000)])
def test_who_says_nothing_keeps_nobody_from_being_answered(
    tmp_path: Path, files: int | None, sockets: int
) -> None:
    has_room(sockets + 1_000)
    settings = Settings(data_dir=tmp_path)
    with process(settings, files=files) as service, httpx.Client(timeout=60) as client:
        ask = f"{service.url}/api/v1/venues"
        assert client.get(ask).status_code == 200
        statuses = {200}
        with connected(service, sockets, lambda: statuses.add(client.get(ask).status_code)):
            # This connection was there before, and is not given up for theirs.
            statuses.update(client.get(ask).status_code for _ in range(50))
        assert statuses == {200}
        until(lambda: answers_anew(ask), "whoever comes later is answered too")
        logged = service.stop()
    for word in ("Too many open files", "Traceback"):
        assert word not in logged


def answers_anew(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(url, timeout=60).status_code == 200
    return False


def test_headers_that_trickle_in_from_hundreds_are_given_up(tmp_path: Path) -> None:
    with (
        process(Settings(data_dir=tmp_path)) as service,
        httpx.Client(timeout=60) as client,
        connected(service, 500) as slow,
    ):
        for one in slow:
            one.sendall(PIECE)
        answered = []

        def all_are_given_up() -> bool:
            answered.append(client.get(f"{service.url}/api/v1/venues").status_code)
            for one in [*slow]:
                if is_given_up(one):
                    slow.remove(one)
                else:
                    one.send(b"y")
            return not slow

        until(all_are_given_up, f"after {HEAD_SECONDS:g} s nobody is waited for")
    assert {*answered} == {200}


def is_given_up(connection: socket.socket) -> bool:
    """Tell whether the other side has said no, or closed."""
    connection.setblocking(False)
    try:
        connection.recv(4_096)
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    return True


def test_headers_of_many_megabytes_cost_no_memory(tmp_path: Path) -> None:
    with process(Settings(data_dir=tmp_path)) as service:
        before = psutil.Process(service.running.pid).memory_info().rss
        with connected(service, 50) as opened:
            for one in opened:
                with suppress(OSError):
                    one.sendall(PIECE)
                    for _ in range(64):
                        one.sendall(b"y" * 65_536)
            grown = psutil.Process(service.running.pid).memory_info().rss - before
        assert httpx.get(f"{service.url}/healthz", timeout=60).status_code == 200
    assert grown < 50 * 2**20, "of 200 MB that were sent"
