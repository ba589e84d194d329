"""Running the service: uvicorn, until it is asked to end."""

import asyncio
import resource
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from funding_platform.core.errors import FundingError
from funding_platform.service.access.callers import LOOPBACK
from funding_platform.service.access.keys import read_keys, usable
from funding_platform.service.app import create_service
from funding_platform.service.protocol import BoundedProtocol, PartingProtocol
from funding_platform.settings import Settings

DRAIN_SECONDS: Final = 10
"""How long what is under way may take when the service is asked to end."""

IDLE_SECONDS: Final = 15
CONNECTIONS: Final = 10_000
"""Open at one time at most, as far as the system lets a process have so many files."""

FILES_ASIDE: Final = 256
"""Of the files that a process may have open, those that are no connections: lake, board, log."""

BACKLOG: Final = 2048

UNTAKEN_SECONDS: Final = 60
"""After so long the system drops a connection whose other side takes nothing of what was sent: it
would keep it, and the bytes, for ever."""

PING_SECONDS: Final = 20.0
LARGEST_MESSAGE_BYTES: Final = 65_536

LAST_WORDS_SECONDS: Final = 0.1
"""In which streams are told why they end."""

_LOOK_SECONDS: Final = 0.01


class ServeError(FundingError):
    """The service cannot be started as asked."""


def listening(host: str, port: int) -> socket.socket:
    """Open the socket that is to be served.

    Raises
    ------
    ServeError
        If the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sys.platform == "linux":  # and with it every connection that is accepted
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1_000 * UNTAKEN_SECONDS)
    try:
        opened.bind((host, port))
        opened.listen(BACKLOG)  # who comes before uvicorn has begun waits, and is not refused
    except OSError as error:
        opened.close()
        raise ServeError(
            f"{host}:{port} cannot be listened on: {error.strerror or error}",
            hint="another process may listen there; --port takes another, 0 any free one",
        ) from error
    return opened


def require_allowed(settings: Settings, host: str, *, public: bool) -> None:
    """Refuse to serve others than this machine without keys.

    Raises
    ------
    ServeError
        If the host is not a loopback address and ``public`` was not asked for, or it was and there
        is no key.
    KeyFileError
        If the keys cannot be read.
    """
    if not public and host not in LOOPBACK:
        raise ServeError(
            f"{host} may be reached by others, and no key would be asked for",
            hint="--public asks everybody for a key; 127.0.0.1 serves this machine alone",
        )
    if public and not usable(read_keys(settings.service_keys_file)):
        raise ServeError(
            "--public lets nobody in: there is no key",
            hint="make one: funding keys create NAME --scope read --rate 10/s",
        )


def connections_allowed() -> int:
    """Have the system allow as many files as it will; return how many may be connections.

    Beyond them nothing more could be opened, and the lake could not be read.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + FILES_ASIDE
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(1, allowed - FILES_ASIDE)


class Server(uvicorn.Server):
    """A server that tells the streams when it is asked to end; else they would keep it.

    Parameters
    ----------
    settings
        Say where everything is.
    public
        Whether everybody needs a key.
    """

    def __init__(self, settings: Settings, *, public: bool) -> None:
        service = create_service(settings, public=public)
        self._hub = service.hub
        super().__init__(
            uvicorn.Config(
                service.app,
                lifespan="on",
                log_config=None,  # ours is there
                access_log=False,  # the front has one, without queries
                server_header=False,
                http=BoundedProtocol.telling(service.at_once),
                timeout_keep_alive=IDLE_SECONDS,
                timeout_graceful_shutdown=DRAIN_SECONDS,
                limit_concurrency=connections_allowed(),
                ws=PartingProtocol,
                ws_max_size=LARGEST_MESSAGE_BYTES,
                ws_ping_interval=PING_SECONDS,
                ws_ping_timeout=PING_SECONDS,
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is under way, and end the streams."""
        self._hub.end()
        await asyncio.sleep(LAST_WORDS_SECONDS)
        await super().shutdown(sockets)


def serve(settings: Settings, opened: socket.socket, *, public: bool) -> None:
    """Serve a socket until SIGTERM or Ctrl-C; what is under way then is answered first."""
    with opened:
        Server(settings, public=public).run(sockets=[opened])


@contextmanager
def serving(settings: Settings, *, public: bool = False) -> Iterator[tuple[str, Server]]:
    """Serve any free port of this machine from a thread, for as long as the context lasts.

    Returns
    -------
    tuple
        The address, and the server.

    Raises
    ------
    ServeError
        If it does not start.
    """
    with listening("127.0.0.1", 0) as opened:
        server = Server(settings, public=public)
        thread = threading.Thread(target=server.run, args=([opened],), daemon=True)
        thread.start()
        while not server.started:
            thread.join(_LOOK_SECONDS)
            if not thread.is_alive():
                raise ServeError("the service has ended before it began; its log says why")
        try:
            yield f"http://127.0.0.1:{opened.getsockname()[1]}", server
        finally:
            server.should_exit = True
            thread.join()
