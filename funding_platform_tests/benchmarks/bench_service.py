"""The service beside bare Starlette and FastAPI: requests per second of its own processor time.

Each server is a process of its own and is asked over sockets that stay open; counted is what it
took of a processor, so that neither waiting nor whoever asks counts. The peers send the same 300
rows: Starlette from bytes that never change, FastAPI from a pydantic model.
"""

import itertools
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
import uvicorn
from fastapi import FastAPI
from pydantic import create_model
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from funding_platform.service.server import DRAIN_SECONDS, Server, listening
from funding_platform.settings import Settings
from funding_platform_tests.benchmarks.measurement import Measurement
from funding_platform_tests.service.server import hand_out

PATH: Final = "/api/v1/funding-rates"
CONNECTIONS: Final = 8
SYMBOLS: Final = 150
"""Of each of two venues."""

PATIENCE_SECONDS: Final = 120.0
"""Longest wait for anything that is to come, be it one read or the end of a process."""

FRESH_FOR: Final = timedelta(hours=6)
"""The board is of a time to come, so that it stays the newest for as long as is measured."""

_NUMBERS: Final = itertools.count(1)


def run(quick: bool = False) -> list[Measurement]:
    requests = 4_000 if quick else 20_000  # processor time is told in hundredths of a second
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), live=False)
        change(settings)
        with serving(serve_ours, settings) as ours:
            first = httpx.get(ours.url + PATH, headers={"Accept-Encoding": "identity"})
            assert first.json()["rows"] == 2 * SYMBOLS
            cached = ours.per_cpu_second(requests)
            unchanged = ours.per_cpu_second(requests, f"If-None-Match: {first.headers['etag']}\r\n")
            megabytes = ours.megabytes
        body = first.content
        with serving(_serve_bare, body) as bare:
            plain = bare.per_cpu_second(requests)
        with serving(_serve_model, first.json()["data"]) as model:
            checked = model.per_cpu_second(requests // 10)
        with serving(serve_ours, settings) as ours:
            told = ours.cpu_seconds_per_change(settings, 20 if quick else 100)
    return [
        Measurement(
            "300 rows, encoded before (peer: bare Starlette, bytes)",
            cached,
            "requests per CPU-s, 1/s",
            plain,
            least_ratio=0.8,
        ),
        Measurement(
            "the same (peer: FastAPI with response_model)",
            cached,
            "requests per CPU-s, 1/s",
            checked,
            least_ratio=4.0,
        ),
        Measurement(
            "an answer that still holds, 304 (peer: the same, sent)",
            unchanged,
            "requests per CPU-s, 1/s",
            cached,
            least_ratio=2.0,
        ),
        Measurement(
            "streams: 300 rows that have changed, told to 100 clients, of its processor",
            1e3 * told,
            "ms",
            target=200,
        ),
        Measurement("memory of the service", megabytes, "MB", target=300),
    ]


def change(settings: Settings) -> None:
    """Hand out a board on which every rate is another than it ever was: else nothing is told."""
    number, at = next(_NUMBERS), datetime.now(UTC) + FRESH_FOR
    hand_out(settings, number * 1e-6, version=number, symbols=SYMBOLS, at=at)


class Running:
    """A server in a process of its own."""

    def __init__(self, process: BaseProcess, port: int) -> None:
        assert process.pid is not None
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._process = psutil.Process(process.pid)

    @property
    def megabytes(self) -> float:
        return float(self._process.memory_info().rss) / 1e6

    def per_cpu_second(self, requests: int, header: str = "") -> float:
        """How many requests it answers in a second of its processor time."""
        asked = f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n{header}\r\n".encode()
        opened = [self._connected() for _ in range(CONNECTIONS)]
        _ask(opened, asked, 10 * CONNECTIONS)
        before = self._cpu_seconds()
        _ask(opened, asked, requests)
        took = self._cpu_seconds() - before
        for one in opened:
            one.close()
        return requests / took

    def cpu_seconds_per_change(self, settings: Settings, clients: int, changes: int = 10) -> float:
        """What one change of the whole board takes of its processor, told to many streams."""
        asked = (
            b"GET /api/v1/stream?channels=funding_rates HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Accept: */*\r\n\r\n"
        )
        opened = [self._connected() for _ in range(clients)]
        for one in opened:
            one.sendall(asked)
            _read_event(one, b"snapshot")
        before = self._cpu_seconds()
        for _ in range(changes):
            change(settings)
            for one in opened:
                _read_event(one, b"changes")
        took = self._cpu_seconds() - before
        for one in opened:
            one.close()
        return took / changes

    def _connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), PATIENCE_SECONDS)

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)


def _ask(opened: list[socket.socket], asked: bytes, requests: int) -> None:
    """Ask on all connections at once, again and again, and read the answers whole."""
    for _ in range(requests // len(opened)):
        for one in opened:
            one.sendall(asked)
        for one in opened:
            _read(one)


def _read(opened: socket.socket) -> None:
    got = b""
    while (end := got.find(b"\r\n\r\n")) < 0:
        got += _more(opened)
    head = got[:end].lower()
    at = head.find(b"content-length: ")
    length = 0 if at < 0 else int(head[at + 16 :].split(b"\r\n", 1)[0])
    left = 0 if b" 304 " in head[:20] else length - (len(got) - end - 4)
    while left > 0:
        left -= len(_more(opened, left))


def _read_event(opened: socket.socket, kind: bytes) -> None:
    """Read on to the end of an event of a kind; what follows it is nothing, or a heartbeat."""
    deadline, got = time.monotonic() + PATIENCE_SECONDS, b""
    while (at := got.find(b"event: " + kind)) < 0 or got.find(b"\n\n", at) < 0:
        if time.monotonic() > deadline:  # heartbeats alone would keep it reading for ever
            raise TimeoutError(f"no event {kind.decode()} came")
        got += _more(opened)


def _more(opened: socket.socket, most: int = 262_144) -> bytes:
    """Read what is there; one that was closed has nothing more to say, ever."""
    got = opened.recv(min(most, 262_144))
    if not got:
        raise ConnectionError("the server has closed the connection")
    return got


@contextmanager
def serving(serve: Callable[[int, Any], None], given: Any) -> Iterator[Running]:
    """Run a server in a process of its own until the context ends."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    process = get_context("spawn").Process(target=serve, args=(port, given), daemon=True)
    process.start()
    try:
        _wait_for(port)
        yield Running(process, port)
    finally:
        process.terminate()
        process.join(PATIENCE_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}{PATH}")
            return
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def serve_ours(port: int, settings: Settings) -> None:
    """Serve as `funding serve` does."""
    Server(settings, public=False).run(sockets=[listening("127.0.0.1", port)])


def _serve_bare(port: int, body: bytes) -> None:
    async def rows(_: Request) -> Response:
        return Response(body, media_type="application/json")

    run_app(Starlette(routes=[Route(PATH, rows)]), port)


def _serve_model(port: int, data: list[dict[str, Any]]) -> None:
    fields: dict[str, Any] = dict.fromkeys(data[0], (str | float | None, None))
    row = create_model("Row", **fields)
    app = FastAPI()

    @app.get(PATH, response_model=list[row])
    async def rows() -> Any:
        return data

    run_app(app, port)


def run_app(app: Any, port: int) -> None:
    """Serve a peer."""
    uvicorn.run(
        app, port=port, log_config=None, access_log=False, timeout_graceful_shutdown=DRAIN_SECONDS
    )
