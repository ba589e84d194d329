"""A Redis of the test's own: started, killed and started again on one port."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import redis


class RedisServer:
    """A server on loopback that keeps nothing on the disk."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        self._running = subprocess.Popen(
            ["redis-server", *options, "--dir", str(self._folder)], stdout=subprocess.DEVNULL
        )
        while self._running.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)) as asking:
                asking.sendall(b"PING\r\n")
                if asking.recv(64) == b"+PONG\r\n":
                    return
        raise AssertionError("redis-server has ended")

    def kill(self) -> None:
        """End it without a word to anybody."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()
            self._running = None

    def names(self) -> list[bytes]:
        """Return what is kept in it."""
        with redis.Redis(port=self.port) as asking:
            return [*asking.scan_iter("*")]


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """Run one for as long as the context lasts."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
