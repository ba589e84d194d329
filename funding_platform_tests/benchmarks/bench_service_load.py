"""The service under load: a mix of questions, a thousand streams, and one that takes nothing.

Waiting is measured where whoever asks sees it, so each figure stands beside that of a peer which is
asked the same way in the same run: bare Starlette that sends bytes which never change.
"""

import asyncio
import itertools
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect

from funding_platform.service.server import connections_allowed
from funding_platform.settings import Settings
from funding_platform_tests.benchmarks.bench_service import (
    PATH,
    PATIENCE_SECONDS,
    SYMBOLS,
    Running,
    change,
    run_app,
    serve_ours,
    serving,
)
from funding_platform_tests.benchmarks.measurement import Measurement

A_SECOND: Final = 100
STREAMS: Final = 1_000
FOLLOW: Final = "/ws/funding-rates"
TELL: Final = "/tell"

FANNED_SECONDS: Final = 300.0
"""In which all have connected and have been told."""


def run(quick: bool = False) -> list[Measurement]:
    seconds, streams = (2, 50) if quick else (20, STREAMS)
    assert connections_allowed() >= streams, "a process may not have so many files open here"
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), live=False)
        change(settings)
        with serving(serve_ours, settings) as ours:
            body = httpx.get(ours.url + PATH).content
            mixed = asyncio.run(_waited(ours.url, _mix(ours.url), seconds))
            alone = ours.cpu_seconds_per_change(settings, 100, 5 if quick else 20)
            with _stalled(ours):
                beside = ours.cpu_seconds_per_change(settings, 100, 5 if quick else 20)
            fanned = asyncio.run(_fanned(ours.url, streams, lambda: change(settings)))
        with serving(_serve_bare, body) as bare:
            plain = asyncio.run(_waited(bare.url, [(PATH, {})], seconds))
            told = asyncio.run(_fanned(bare.url, streams, lambda: _tell(bare)))
    return [
        Measurement(
            f"{A_SECOND} requests a second, mixed, p99 (peer: bare Starlette, bytes)",
            1e3 * mixed,
            "ms",
            1e3 * plain,
        ),
        Measurement(
            f"one change told to {streams:,} WebSockets, the first to the 99th of a hundred (peer: "
            "bare Starlette, bytes)",
            1e3 * fanned,
            "ms",
            1e3 * told,
            least_ratio=0.5,
        ),
        Measurement(
            "a change told to 100 clients beside one that takes nothing, of its processor (peer: "
            "without it)",
            1e3 * beside,
            "ms",
            1e3 * alone,
            least_ratio=0.9,
        ),
    ]


def _mix(url: str) -> list[tuple[str, dict[str, str]]]:
    """What desks ask: all rates, what still holds, one coin after the other, venues, health."""
    tag = httpx.get(url + PATH).headers["etag"]
    coins: list[tuple[str, dict[str, str]]] = [
        (f"{PATH}?base=COIN{number}", {}) for number in range(1, SYMBOLS)
    ]
    each = [(PATH, {}), (PATH, {"If-None-Match": tag}), ("/api/v1/venues", {}), ("/healthz", {})]
    return [asked for coin in coins for asked in (*each, coin)]


async def _waited(url: str, mix: Sequence[tuple[str, dict[str, str]]], seconds: int) -> float:
    """Ask at a steady pace, whether answered or not; return the 99th of a hundred waits."""
    waits: list[float] = []
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS, limits=limits) as client:

        async def ask(due: float, path: str, headers: dict[str, str]) -> None:
            answer = await client.get(path, headers=headers)
            waits.append(time.perf_counter() - due)  # with what it waited for its turn
            assert answer.status_code in (200, 304), answer.text

        asked, began = itertools.cycle(mix), time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(seconds * A_SECOND):
                due = began + number / A_SECOND
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(ask(due, *next(asked)))
    return _p99(waits)


async def _fanned(url: str, number: int, have_told: Callable[[], None]) -> float:
    """Have one change told to many; return how long after the first of them the 99 % have it."""
    address = url.replace("http", "ws") + FOLLOW
    opened: list[ClientConnection] = []
    async with asyncio.timeout(FANNED_SECONDS):
        try:
            for _ in range(number):
                follow = connect(address, max_size=None, compression=None, ping_interval=None)
                opened.append(await follow)
            for one in opened:
                await _next(one, "snapshot")
            got = [asyncio.create_task(_next(one, "changes")) for one in opened]
            await asyncio.to_thread(have_told)
            times = sorted(await asyncio.gather(*got))
        finally:
            await asyncio.gather(*(one.close() for one in opened))
    return _p99([at - times[0] for at in times])


async def _next(stream: ClientConnection, kind: str) -> float:
    """Read on to a message of a kind; return when it was there."""
    while True:
        message = await stream.recv(decode=False)
        if kind.encode() in message[:64]:
            return time.perf_counter()


def _p99(figures: Sequence[float]) -> float:
    return sorted(figures)[int(0.99 * (len(figures) - 1))]


def _tell(bare: Running) -> None:
    httpx.post(bare.url + TELL, timeout=PATIENCE_SECONDS)


@contextmanager
def _stalled(running: Running) -> Iterator[None]:
    """Ask for a stream, and read nothing of it."""
    host, port = running.url.removeprefix("http://").split(":")
    with socket.socket() as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        opened.connect((host, int(port)))
        opened.sendall(
            b"GET /api/v1/stream?channels=funding_rates HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        )
        yield


def _serve_bare(port: int, body: bytes) -> None:
    """Send the same bytes as answers, and to every stream when it is told to."""
    streams: list[WebSocket] = []

    async def rows(_: Request) -> Response:
        return Response(body, media_type="application/json")

    async def follow(stream: WebSocket) -> None:
        await stream.accept()
        await stream.send_text('{"type":"snapshot"}')
        streams.append(stream)
        while (await stream.receive())["type"] != "websocket.disconnect":
            continue

    async def tell(_: Request) -> Response:
        told = '{"type":"changes"}' + body.decode()
        for stream in streams:
            await stream.send_text(told)
        return Response(status_code=204)

    routes = [
        Route(PATH, rows),
        WebSocketRoute(FOLLOW, follow),
        Route(TELL, tell, methods=["POST"]),
    ]
    run_app(Starlette(routes=routes), port)
