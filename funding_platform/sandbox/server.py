"""Starting the sandbox: in the foreground for the command line, in a thread for tests."""

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from funding_platform.core.time_grid import to_ms
from funding_platform.sandbox.app import create_app
from funding_platform.sandbox.errors import PortInUseError, SandboxError
from funding_platform.sandbox.faults import FAULTS, Fault
from funding_platform.sandbox.markets.market import Market
from funding_platform.sandbox.markets.replay import ReplayMarket
from funding_platform.sandbox.markets.synthetic import SyntheticMarket
from funding_platform.sandbox.paper.desk import Opening, Taking
from funding_platform.sandbox.transports import TRANSPORT, Line
from funding_platform.sandbox.wire.registry import WIRES
from funding_platform.sandbox.wire.streams.registry import DIALECTS

_LOG = logging.getLogger(__name__)

_PATIENT: Final[Any] = {"verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "timeout": 60.0}
"""Certificates of nobody: the sandbox speaks plain HTTP, and reading them takes 20 ms a call.

A machine that is busy may take longer to answer than httpx waits by itself.
"""

_BACKLOG = 2_048
_START_SECONDS = 30.0


def build_market(
    replay: Path | None = None,
    symbols: int = 300,
    seed: int = 7,
    now: datetime | None = None,
    clock: Callable[[], int] | None = None,
    namesakes: Mapping[str, Collection[str]] | None = None,
) -> Market:
    """Build the market that the sandbox shows.

    Parameters
    ----------
    replay
        Folder with ``funding/<venue>/<symbol>.csv[.gz]``; a synthetic market without it.
    symbols
        Contracts per venue of the synthetic market.
    seed
        Seed of the synthetic market.
    now
        A present that stands still.
    clock
        Tells the present, in milliseconds, where none stands still; the wall clock without it.
    namesakes
        Of the synthetic market, coins that are another asset than elsewhere, by venue: same
        ticker, unrelated price.

    Raises
    ------
    SandboxError
        If ``symbols`` is out of range or a replayed file is malformed.
    """
    present = (clock or _wall_clock) if now is None else _stopped_clock(to_ms(now))
    styles = [wire.style for wire in WIRES.values()]
    if replay is not None:
        return ReplayMarket(replay, styles, clock=present)
    return SyntheticMarket(styles, symbols=symbols, seed=seed, clock=present, namesakes=namesakes)


def _wall_clock() -> int:
    return time.time_ns() // 1_000_000


def _stopped_clock(now_ms: int) -> Callable[[], int]:
    return lambda: now_ms


class _Protocol(HttpToolsProtocol):
    """Hands the transport to the application, so that it can reset the connection.

    Each answer is stamped with the time that it is: uvicorn's own stamp is up to a second old, or
    days where a test has moved the clock since.
    """

    def on_message_begin(self) -> None:
        super().on_message_begin()
        stamp = (b"date", formatdate(time.time(), usegmt=True).encode())
        self.server_state.default_headers = [stamp, *self.config.encoded_headers]
        self.scope["extensions"] = {TRANSPORT: {"line": Line(self.transport)}}


class _StreamProtocol(WebSocketsSansIOProtocol):
    """Hands the connection to the application, which may make it half open."""

    _silent = False

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            line = Line(self.transport, self._fall_silent)
            self.scope["extensions"][TRANSPORT] = {"line": line}

    def data_received(self, data: bytes) -> None:
        if not self._silent:
            super().data_received(data)

    def _fall_silent(self) -> None:
        self._silent = True
        self.stop_keepalive()


def _server(market: Market, faults: Iterable[Fault], options: Mapping[str, Any]) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            create_app(market, faults=faults, **options),
            http=_Protocol,
            ws=_StreamProtocol,
            ws_per_message_deflate=False,
            loop="uvloop",
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="warning",
            backlog=_BACKLOG,
            timeout_graceful_shutdown=1,
        )
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=_BACKLOG)
    except OSError as error:
        raise PortInUseError(
            f"cannot listen on {host}:{port}: {error.strerror}",
            hint="stop the other process or choose another port; 0 takes any free one",
        ) from error


def serve(
    market: Market,
    host: str = "127.0.0.1",
    port: int = 8900,
    faults: Iterable[Fault] = (),
    enforce_limits: bool = False,
    enforce_retention: bool = False,
) -> None:
    """Serve a market until interrupted.

    Raises
    ------
    PortInUseError
        If the address cannot be listened on.
    """
    enforce = {"enforce_limits": enforce_limits, "enforce_retention": enforce_retention}
    with _listen(host, port) as listener:
        _LOG.info("serving %s on http://%s:%s", ", ".join(WIRES), *listener.getsockname()[:2])
        _server(market, faults, enforce).run(sockets=[listener])


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """A sandbox that is being served, and the handles to steer it."""

    url: str

    @property
    def venue_urls(self) -> dict[str, str]:
        """Base URL per venue, in the form of ``FUNDING_VENUE_URLS``."""
        return {venue: self.url_of(venue) for venue in WIRES}

    @property
    def stream_urls(self) -> dict[str, str]:
        """Base URL of the stream per venue that has one, in the form of ``FUNDING_STREAM_URLS``."""
        host = self.url.removeprefix("http")
        return {venue: f"ws{host}/{venue}" for venue in DIALECTS}

    def url_of(self, venue: str) -> str:
        """Return the base URL of one venue."""
        return f"{self.url}/{venue}"

    def paper_url_of(self, venue: str) -> str:
        """Return the base URL of the accounts on paper of one venue."""
        return f"{self.url}/paper/{venue}"

    def open_account(self, **opening: Any) -> str:
        """Open an account on paper, as ``sandbox.paper.desk.Opening`` says; return its token."""
        url = f"{self.url}/_control/paper/accounts"
        reply = httpx.post(url, content=Opening(**opening).model_dump_json(), **_PATIENT)
        return str(reply.raise_for_status().json()["token"])

    def take_position(self, **taking: Any) -> None:
        """Liquidate or deleverage a position, as ``sandbox.paper.desk.Taking`` says."""
        url = f"{self.url}/_control/paper/takings"
        body = Taking(**taking).model_dump_json()
        httpx.post(url, content=body, **_PATIENT).raise_for_status()

    def inject(self, *faults: Fault) -> None:
        """Put faults in force."""
        body = FAULTS.dump_json(list(faults))
        reply = httpx.post(f"{self.url}/_control/faults", content=body, **_PATIENT)
        reply.raise_for_status()

    def clear(self) -> None:
        """Take all faults out of force."""
        httpx.delete(f"{self.url}/_control/faults", **_PATIENT).raise_for_status()

    def stats(self) -> dict[str, dict[str, dict[str, int]]]:
        """Read the counters per venue and endpoint: requests, rows, faults, refused."""
        reply = httpx.get(f"{self.url}/_control/stats", **_PATIENT)
        return dict(reply.raise_for_status().json())


@contextmanager
def running_sandbox(
    market: Market,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    faults: Iterable[Fault] = (),
    enforce_limits: bool = False,
    enforce_retention: bool = False,
    pace: float = 1.0,
) -> Iterator[RunningSandbox]:
    """Serve a market from a thread for as long as the context lasts.

    Parameters
    ----------
    port
        0 takes any free one.
    pace
        How many times faster than the venues' own the periods of their streams run.

    Raises
    ------
    PortInUseError
        If the address cannot be listened on.
    SandboxError
        If the server does not start.
    """
    options = {
        "enforce_limits": enforce_limits,
        "enforce_retention": enforce_retention,
        "pace": pace,
    }
    with _listen(host, port) as listener:
        server = _server(market, faults, options)
        thread = threading.Thread(
            target=server.run, args=([listener],), name="sandbox", daemon=True
        )
        thread.start()
        try:
            _wait_until_started(server, thread)
            bound_host, bound_port = listener.getsockname()[:2]
            yield RunningSandbox(f"http://{bound_host}:{bound_port}")
        finally:
            server.should_exit = True
            thread.join()


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise SandboxError("the sandbox did not start", hint="see the log for the reason")
        time.sleep(0.005)
