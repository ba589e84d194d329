"""The caller's side of the process that forks for queries."""

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any, BinaryIO

import funding_platform
from funding_platform.lake.errors import QueryError

_MODULE = "funding_platform.lake.read_only.fork"

_FOR_FORKING = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "2",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "_RJEM_MALLOC_CONF": "background_thread:false",
}
"""Few threads where one forks, and no reserves of address space per thread."""

_PATIENCE = 30.0
"""Seconds after which a server that ought to have killed its child is taken for dead."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the process of a query said, and how it ended."""

    said: dict[str, str | None]
    status: int
    """0; or the signal that ended it, negative."""
    cpu_seconds: float
    peak: int
    """Bytes of memory in use at once, those included that it shares with the server."""


class QueryServer:
    """A process that forks for queries, begun when first asked; any number of threads may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None

    def ask(self, request: dict[str, Any], rows: BinaryIO, *, seconds: float) -> Reply:
        """Have a request answered into a file.

        Whatever ends the waiting, an interrupt of the user's too, ends the query.

        Parameters
        ----------
        seconds
            How long it can take; its own process keeps that limit.

        Raises
        ------
        QueryError
            If the server was killed.
        """
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                self._pass_on(theirs, rows, request["settings"]["lake_profile"])
            ours.settimeout(seconds + _PATIENCE)
            try:
                ours.sendall(json.dumps(request).encode())
                ours.shutdown(socket.SHUT_WR)
                reply = b"".join(iter(lambda: ours.recv(65_536), b""))
            except OSError as error:  # a time-out among them
                raise QueryError(f"the process that answers queries was lost: {error}") from error
        said, _, end = reply.rpartition(b"\n")
        if not end:
            raise QueryError(
                "the process that answers queries was killed from outside",
                hint="ask again; if it recurs, see whether the machine runs out of memory (dmesg)",
            )
        ended = json.loads(end)
        return Reply(json.loads(said) if ended["status"] == 0 else {}, **ended)

    def close(self) -> None:
        """End the server, and with it every query that runs."""
        with self._lock:
            if self._requests is not None:
                self._requests.close()
            if self._process is not None:
                self._process.wait()
            self._requests = self._process = None

    def forget(self) -> None:
        """Forget the server in a forked copy of the caller: it is not this process's to use."""
        self._lock = threading.Lock()
        if self._requests is not None:
            self._requests.close()
        if self._process is not None:
            self._process.returncode = 0  # not this process's child: nothing to wait for
        self._requests = self._process = None

    def _pass_on(self, theirs: socket.socket, rows: BinaryIO, profile: str) -> None:
        """Hand the server its end, starting one where none runs."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start(profile)
            assert self._requests is not None
            socket.send_fds(self._requests, [b"q"], [theirs.fileno(), rows.fileno()])

    def _start(self, profile: str) -> None:
        if self._requests is not None:
            self._requests.close()
        root = os.path.dirname(os.path.dirname(funding_platform.__file__))  # noqa: PTH120
        # What the query needs of the settings comes with it; keys and passwords do not.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("FUNDING_")}
        path = os.pathsep.join(filter(None, (root, environment.get("PYTHONPATH"))))
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, on our own module
                [
                    sys.executable,
                    "-P",
                    "-W",
                    "ignore",
                    "-m",
                    _MODULE,
                    str(theirs.fileno()),
                    profile,
                ],
                env={**environment, **_FOR_FORKING, "PYTHONPATH": path},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt from the keyboard is the caller's to handle
            )
        self._requests = ours


SERVER = QueryServer()
"""The one of this process."""

atexit.register(SERVER.close)
os.register_at_fork(after_in_child=SERVER.forget)
