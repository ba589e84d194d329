"""A server in front of the sandbox, which sends attacks in place of its answers."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any
from urllib.parse import urlsplit

from funding_platform_tests.hostile.attacks import ATTACKS, http


@dataclass
class Front:
    """Attacks in the name of the venues that ``plan`` names, each with the attack of that name.

    The first ``spared`` paths that are asked of a venue are answered well: whoever cannot read the
    list of contracts asks for nothing else.
    """

    upstream: str
    plan: Mapping[str, str]
    spared: int = 0
    _asked: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side has enough of it."""

        async def send(content: bytes) -> None:
            writer.write(content)
            await writer.drain()

        try:
            while True:
                head, body = await _request(reader)
                target = head.split(b" ", 2)[1].decode("latin-1")
                venue = target.split("/")[1]
                answer = await self._forwarded(head, body)
                if self._spares(venue, target.partition("?")[0], body):
                    await send(http(answer))
                else:
                    await ATTACKS[self.plan[venue]](answer, send)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return  # the collector, or the end of the test, closed the connection
        finally:
            writer.close()

    def _spares(self, venue: str, path: str, body: bytes) -> bool:
        """Whether a path is among the first of the venue; some have one path, and say it inside."""
        asked, what = self._asked[venue], path + str(re.findall(rb'"type":\s*"(\w+)"', body))
        if what not in asked:
            asked.append(what)
        return asked.index(what) < self.spared

    async def _forwarded(self, head: bytes, body: bytes) -> bytes:
        """The body of the sandbox's answer."""
        at = urlsplit(self.upstream)
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection")]
        writer.write(b"\r\n".join([*lines[:1], b"Connection: close", *lines[1:]]) + body)
        answer = await reader.read(-1)
        writer.close()
        return answer.partition(b"\r\n\r\n")[2]


async def _request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n")
         if line.lower().startswith(b"content-length")), 0,
    )  # fmt: skip
    return head, await reader.readexactly(length)


@contextmanager
def running_front(upstream: str, plan: Mapping[str, str], spared: int = 0) -> Iterator[str]:
    """The address of the front, in a process of its own: what it sends costs its own time."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_serve, args=(Front(upstream, plan, spared), theirs), daemon=True
    )
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()


def _serve(front: Front, announce: Any) -> None:
    async def forever() -> None:
        server = await asyncio.start_server(front.handle, "127.0.0.1", 0)
        announce.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())
