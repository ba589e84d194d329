"""A sandbox in a process of its own, as the venues are: no core, memory or lock is shared."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path

import httpx

from funding_platform.sandbox.server import RunningSandbox, build_market, serve
from funding_platform.settings import Settings

RATE_LIMIT_SCALE = 1_000
START_SECONDS = 300
"""Of a server that does not start at all; a busy machine takes a minute."""


@contextmanager
def sandbox_process(
    symbols: int, now: datetime | None = None, *, enforce_limits: bool = False
) -> Iterator[RunningSandbox]:
    """Serve a synthetic market, whose present stands still if it is given."""
    port = _free_port()
    arguments = (symbols, now, port, enforce_limits)
    process = get_context("spawn").Process(target=_serve, args=arguments, daemon=True)
    process.start()
    try:
        sandbox = RunningSandbox(f"http://127.0.0.1:{port}")
        _wait_for(sandbox)
        yield sandbox
    finally:
        process.terminate()
        process.join()


def settings_for(sandbox: RunningSandbox, data_dir: Path) -> Settings:
    """A lake of its own, and the sandbox for all venues, whose budgets need not be kept to."""
    return Settings(
        data_dir=data_dir, venue_urls=sandbox.venue_urls, rate_limit_scale=RATE_LIMIT_SCALE
    )


def _serve(symbols: int, now: datetime | None, port: int, enforce_limits: bool) -> None:
    serve(build_market(symbols=symbols, now=now), port=port, enforce_limits=enforce_limits)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_for(sandbox: RunningSandbox) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            sandbox.stats()
            return
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
