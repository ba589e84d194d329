"""The process that gives every query a process of its own: ``python -m`` this, with a descriptor.

It has loaded what a query needs and does nothing but fork: a query starts in some 20 ms instead of
the second that a new interpreter takes. It ends with whoever started it, and so do its children.

What comes in through the socket is a byte with two descriptors: a socket that brings a request and
takes what is said about the answer, and a file for its rows. A caller that closes its socket has
its query killed.
"""

import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from funding_platform.lake.errors import ExtensionError
from funding_platform.lake.extensions import check_signatures
from funding_platform.lake.read_only.child import answer

_PR_SET_PDEATHSIG = 1
_C = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class _Child:
    """A query that runs."""

    pid: int
    caller: socket.socket
    alive: int
    """A pipe whose other end only the child holds: it is at its end when the child is."""


def serve(requests: socket.socket) -> None:
    """Fork for every request, say how each child ended; return when nobody can ask any more."""
    poll = select.poll()
    poll.register(requests, select.POLLIN)
    children: dict[int, _Child] = {}  # by both of its descriptors
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == requests.fileno():
                _, received, _, _ = socket.recv_fds(requests, 1, 2)
                if not received:
                    return _kill_all(children)
                child = _fork(received, requests, children)
                poll.register(child.caller, 0)  # hanging up is always told
                poll.register(child.alive, 0)
                children |= {child.caller.fileno(): child, child.alive: child}
            elif (found := children.get(descriptor)) is None:
                continue  # ended in this very round
            elif descriptor == found.alive:
                for end in (found.caller.fileno(), found.alive):
                    del children[end]
                    with suppress(KeyError):  # the caller that hung up
                        poll.unregister(end)
                _bury(found)
            else:
                poll.unregister(descriptor)
                os.kill(found.pid, signal.SIGKILL)


def _fork(received: list[int], requests: socket.socket, children: dict[int, _Child]) -> _Child:
    """Start a child for a request; only the server returns from it."""
    caller, rows = socket.socket(fileno=received[0]), received[1]
    alive, held = os.pipe()
    server = os.getpid()
    pid = os.fork()
    if pid == 0:
        requests.close()
        os.close(alive)
        for child in children.values():
            child.caller.close()
            with suppress(OSError):  # each is there twice
                os.close(child.alive)
        _end_with(server)
        _live(caller, rows)
    os.close(held)
    os.close(rows)
    return _Child(pid, caller, alive)


def _end_with(server: int) -> None:
    """Have the kernel kill this process when the server ends.

    The kernel can: server and child have one thread when it is asked. A thread that looks, as in
    ``core.system.processes``, would need memory and the interpreter while the query has both.
    """
    if sys.platform == "linux":
        _C.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:
        os._exit(1)


def _live(caller: socket.socket, rows: int) -> NoReturn:
    """Read the request, answer it, and end without the clean-up that is the server's."""
    status = 1
    try:
        silence = os.open(os.devnull, os.O_RDWR)
        for descriptor in (1, 2):  # what C++ says when it gives up
            os.dup2(silence, descriptor)
        request = b"".join(iter(lambda: caller.recv(65_536), b""))
        with os.fdopen(rows, "wb") as file:
            said = answer(json.loads(request), file)
        caller.sendall(json.dumps(said).encode())
        status = 0
    finally:
        os._exit(status)


def _bury(child: _Child) -> None:
    """Collect a child that has ended, and tell its caller how, and what it used."""
    _, status, used = os.wait4(child.pid, 0)
    os.close(child.alive)
    end = {
        "status": os.waitstatus_to_exitcode(status),
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak": used.ru_maxrss * 1024,
    }
    with suppress(OSError):  # a caller that hung up asks no more
        child.caller.send(f"\n{json.dumps(end)}".encode(), socket.MSG_DONTWAIT)
    child.caller.close()


def _kill_all(children: dict[int, _Child]) -> None:
    for child in {child.pid: child for child in children.values()}.values():
        os.kill(child.pid, signal.SIGKILL)
        _bury(child)


def main() -> None:
    """Serve the socket whose descriptor is the argument, on lakes of a profile mostly."""
    for number in (
        signal.SIGALRM,
        signal.SIGPROF,
        signal.SIGXCPU,
    ):  # the limits' signals, whatever is inherited
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    with suppress(ExtensionError):  # each query says so itself
        # Signatures are checked once per process: done here, no child needs to.
        check_signatures(sys.argv[2])
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))


if __name__ == "__main__":
    main()
