"""A machine of its own for a process: a network namespace, whose cable can be pulled.

The servers of tests listen on loopback alone, so what comes over the cable is handed on to them.
"""

import asyncio
import contextlib
import os
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from funding_platform.local.cluster.servers import LOOPBACK

HOST = "10.231.0.1"
"""This machine, as the other one sees it."""

_MACHINE = "10.231.0.2"
_BLOCK = 2**16


class Machine:
    """A network namespace behind a cable.

    Parameters
    ----------
    ports
        Of this machine's loopback interface that it can reach, at ``HOST``.
    """

    def __init__(self, ports: Iterable[int]) -> None:
        self._ports = list(ports)
        self.name = f"funding{os.getpid()}"
        self._cable = f"fund{os.getpid()}"
        self._loop = asyncio.new_event_loop()

    @property
    def within(self) -> tuple[str, ...]:
        """What begins a command that runs there."""
        return ("ip", "netns", "exec", self.name)

    def cut(self) -> None:
        """Pull the cable: nothing arrives on either side, and nobody is told."""
        _ip("link", "set", self._cable, "down")

    def mend(self) -> None:
        """Put the cable in again."""
        _ip("link", "set", self._cable, "up")

    def start(self) -> None:
        """Make it."""
        far = f"{self._cable}b"
        _ip("netns", "add", self.name)
        _ip("link", "add", self._cable, "type", "veth", "peer", "name", far)
        _ip("link", "set", far, "netns", self.name)
        _ip("addr", "add", f"{HOST}/30", "dev", self._cable)
        _ip("link", "set", self._cable, "up")
        _ip("-n", self.name, "addr", "add", f"{_MACHINE}/30", "dev", far)
        for device in (far, "lo"):
            _ip("-n", self.name, "link", "set", device, "up")
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        for port in self._ports:
            listening = asyncio.start_server(_handed_to(port), HOST, port)
            asyncio.run_coroutine_threadsafe(listening, self._loop).result(10)

    def stop(self) -> None:
        """Take it away."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        for command in (("link", "del", self._cable), ("netns", "del", self.name)):
            subprocess.run(("ip", *command), check=False, capture_output=True)


@contextmanager
def machine(ports: Iterable[int]) -> Iterator[Machine]:
    """Have one for as long as the context lasts; skip where nobody may make one."""
    one = Machine(ports)
    try:
        one.start()
    except (OSError, subprocess.CalledProcessError) as error:
        one.stop()
        pytest.skip(f"making a network namespace needs root and `ip`: {error}")
    try:
        yield one
    finally:
        one.stop()


def _ip(*arguments: str) -> None:
    subprocess.run(("ip", *arguments), check=True, capture_output=True)


def _handed_to(port: int) -> "asyncio._ClientConnectedCallback":  # type: ignore[name-defined]
    async def hand_on(theirs: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            ours, forth = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            back.close()
            return
        await asyncio.gather(_pour(theirs, forth), _pour(ours, back))

    return hand_on


async def _pour(source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while block := await source.read(_BLOCK):
            into.write(block)
            await into.drain()
    into.close()
