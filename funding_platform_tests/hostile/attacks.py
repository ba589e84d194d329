"""The table of attacks: what a hostile venue sends in place of a good answer.

Each attack is given the good answer's body and a way to send bytes. Most only damage the body, and
send it as well-formed HTTP; the others damage what lies below it.
"""

import asyncio
import gzip
import re
import zlib
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Final

Send = Callable[[bytes], Awaitable[None]]
Attack = Callable[[bytes, Send], Awaitable[None]]

MIB: Final = 2**20
ENDLESS: Final = 20 * MIB
"""Where an attack without end stops by itself, should nobody hang up."""

_DEEP: Final = 200_000
_STRING: Final = re.compile(rb'"([^"\\]{1,40})"(?!\s*:)')
_NUMBER: Final = re.compile(rb'(?<=:)\s*"?-?[0-9][0-9.eE+-]*"?')
_KEY: Final = re.compile(rb'"([A-Za-z0-9_]+)":("[^"\\]*"|-?[0-9.]+)')


def http(body: bytes, status: int = 200, **headers: str) -> bytes:
    """A well-formed answer; underscores in header names stand for hyphens."""
    lines = [f"HTTP/1.1 {status:03} X", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _damaged(damage: Callable[[bytes], bytes], status: int = 200, **headers: str) -> Attack:
    """Sends the body as ``damage`` makes it."""

    async def attack(body: bytes, send: Send) -> None:
        await send(http(await asyncio.to_thread(damage, body), status, **headers))

    return attack


def _instead(content: bytes | Callable[[], bytes], status: int = 200, **headers: str) -> Attack:
    """Sends something else altogether."""
    return _damaged(lambda _: content() if callable(content) else content, status, **headers)


def _flood(head: bytes, piece: bytes) -> Attack:
    """Sends a piece again and again, as fast as it is taken."""

    async def attack(_: bytes, send: Send) -> None:
        await send(head)
        many = piece * max(1, 2**16 // len(piece))
        for _number in range(ENDLESS // len(many)):
            await send(many)

    return attack


def _raw(content: bytes) -> Attack:
    """Sends bytes that need not be HTTP, and hangs up."""

    async def attack(_: bytes, send: Send) -> None:
        await send(content)
        raise ConnectionAbortedError

    return attack


async def _drip(body: bytes, send: Send) -> None:
    for at, byte in enumerate(http(body)):
        await send(bytes([byte]))
        await asyncio.sleep(0 if at < 40 else 0.2)


async def _hang(_: bytes, send: Send) -> None:
    await asyncio.sleep(3600)


@cache
def _bomb(size: int, wbits: int) -> bytes:
    squeeze = zlib.compressobj(9, wbits=wbits)
    pieces = [squeeze.compress(bytes(MIB)) for _ in range(size // MIB)]
    return b"".join([*pieces, squeeze.flush()])


def _with_strings(text: bytes) -> Callable[[bytes], bytes]:
    """Every text value replaced, names of fields left alone."""
    return lambda body: _STRING.sub(lambda _: b'"' + text + b'"', body, count=50)


def _marked(mark: bytes) -> Callable[[bytes], bytes]:
    """Every text value with something added to it."""
    return lambda body: _STRING.sub(lambda it: b'"' + it[1] + mark + b'"', body)


def _with_numbers(text: bytes) -> Callable[[bytes], bytes]:
    return lambda body: _NUMBER.sub(text, body)


def _keys_twice(body: bytes) -> bytes:
    return _KEY.sub(lambda it: it[0] + b',"' + it[1] + b'":' + it[2], body)


def _rows_without_end(body: bytes) -> bytes:
    """The first object of the longest list, over and over."""
    row = next(iter(re.findall(rb"\{[^{}]*\}", body)), b"{}")
    at = body.find(row)
    more = (row + b",") * (15 * MIB // (len(row) + 1))
    return body[: max(at, 0)] + more + body[max(at, 0) :]


_BODIES: Mapping[str, Attack] = {
    "nothing": _instead(b""),
    "an empty list": _instead(b"[]"),
    "null": _instead(b"null"),
    "a page of HTML": _instead(b"<html>" + b"x" * MIB),
    "lists without a bottom": _instead(lambda: b"[" * _DEEP + b"]" * _DEEP),
    "objects without a bottom": _instead(lambda: b'{"a":' * _DEEP + b"1" + b"}" * _DEEP),
    "invalid UTF-8": _damaged(_marked(b"\xff\xfe")),
    "half of it": _damaged(lambda body: body[: len(body) // 2]),
    "a byte-order mark": _damaged(lambda body: b"\xef\xbb\xbf" + body),
    "NaN": _damaged(_with_numbers(b"NaN")),
    "NaN as text": _damaged(_with_numbers(b'"NaN"')),
    "Infinity": _damaged(_with_numbers(b"-Infinity")),
    "1e999": _damaged(_with_numbers(b"1e999")),
    "integers of 400 digits": _damaged(_with_numbers(b"9" * 400)),
    "integers of 400 digits as text": _damaged(_with_numbers(b'"' + b"9" * 400 + b'"')),
    "times beyond any datetime": _damaged(_with_numbers(b"9223372036854775807")),
    "times before the epoch": _damaged(_with_numbers(b"-62135596800001")),
    "keys that come twice": _damaged(_keys_twice),
    "texts of 100,000 characters": _damaged(_with_strings(b"A" * 100_000)),
    "control characters": _damaged(_marked(rb"\u0000\u001b[2J")),
    "bidi marks": _damaged(_marked(rb"\u202e")),
    "lone surrogates": _damaged(_marked(rb"\ud800")),
    "markup": _damaged(_marked(b"[/b][link=x]")),
    "blank texts": _damaged(_with_strings(b"")),
}

_SIZES: Mapping[str, Attack] = {
    "60 MiB of no JSON": _instead(lambda: b"x" * (60 * MIB)),
    "20 MiB of one text": _instead(lambda: b'"' + b"x" * (20 * MIB) + b'"'),
    "15 MiB of tiny objects": _instead(lambda: b"[" + b"{}," * (5 * MIB - 8) + b"{}]"),
    "15 MiB of tiny lists": _instead(lambda: b"[" + b"[]," * (5 * MIB - 8) + b"[]]"),
    "15 MiB of its own rows": _damaged(_rows_without_end),
    "an error of 15 MiB": _instead(
        lambda: b'{"code":1,"msg":[' + b"[]," * (5 * MIB - 20) + b"[]]}", status=400
    ),
    "a bomb of gzip": _instead(lambda: _bomb(100 * MIB, 31), Content_Encoding="gzip"),
    "a bomb of deflate": _instead(lambda: _bomb(100 * MIB, 15), Content_Encoding="deflate"),
    "a bomb in a bomb": _instead(
        lambda: gzip.compress(_bomb(100 * MIB, 31)), Content_Encoding="gzip, gzip"
    ),
    "a body without end": _flood(
        b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n", b"4\r\n[[[[\r\n"
    ),
    "headers without end": _flood(b"HTTP/1.1 200 X\r\n", b"X-A: b\r\n"),
    "a header of megabytes": _flood(b"HTTP/1.1 200 X\r\nX-A: ", b"b"),
    "a status line of megabytes": _flood(b"HTTP/1.1 200 ", b"b"),
    "to be continued": _flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}

_PROTOCOL: Mapping[str, Attack] = {
    "a wait of 15 digits": _instead(b"{}", 429, Retry_After="999999999999999"),
    "a wait of 400 digits": _instead(b"{}", 429, Retry_After="9" * 400),
    "a wait until the year 9999": _instead(
        b"{}", 418, Retry_After="Fri, 31 Dec 9999 23:59:59 GMT"
    ),
    "a wait into the past": _instead(b"{}", 429, Retry_After="-1"),
    "a wait of nonsense": _instead(b"{}", 503, Retry_After="\xff soon"),
    "all weight used": _damaged(lambda body: body, X_MBX_USED_WEIGHT_1M="9" * 400),
    "a redirect to a file": _instead(b"", 302, Location="file:///etc/passwd"),
    "a redirect to itself": _instead(b"", 301, Location="/" + "a" * 7_000),
    "a redirect to nowhere": _instead(b"", 302, Location="\x01http://[::1"),
    "an unknown status": _instead(b"{}", 999),
    "a status below all": _damaged(lambda body: body, 42),
    "an unknown compression": _damaged(lambda body: body, Content_Encoding="br"),
    "compressed by word only": _damaged(lambda body: body, Content_Encoding="gzip"),
    "a length that is too short": _raw(b"HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n[]junk"),
    "a length that is too long": _raw(b"HTTP/1.1 200 X\r\nContent-Length: 999999999\r\n\r\n[]"),
    "a length below zero": _raw(b"HTTP/1.1 200 X\r\nContent-Length: -1\r\n\r\n[]"),
    "two lengths": _raw(
        b"HTTP/1.1 200 X\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[]\n"
    ),
    "chunks that are none": _raw(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]"),
    "no HTTP": _raw(b"SSH-2.0-OpenSSH_9.0\r\n" + bytes(range(256))),
    "no answer": _raw(b""),
    "a drip": _drip,
    "silence": _hang,
}  # fmt: skip

ATTACKS: Final[Mapping[str, Attack]] = {**_BODIES, **_SIZES, **_PROTOCOL}
GLUTTONOUS: Final = tuple(_SIZES)
"""Those that are after our memory."""

HARMLESS: Final = frozenset({"all weight used", "markup", "a byte-order mark"})
"""Those of which a venue may get away with nothing at all: what it sends can be true."""
