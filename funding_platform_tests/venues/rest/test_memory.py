"""What one venue may take: bodies being read, what they become, what is kept of them."""

import asyncio
import gzip
import zlib
from collections.abc import Callable

import pytest

from funding_platform.settings import Settings
from funding_platform.venues.adapters.binance.rest import FUNDING_INFO
from funding_platform.venues.errors import TooLargeError, UndecodableError
from funding_platform.venues.registry import open_venue
from funding_platform.venues.rest.memory import MAX_BODY_BYTES, Share
from funding_platform_tests.venues.rest.test_http import GOOD, ask
from funding_platform_tests.venues.server import Answer, serve

MIB = 2**20
ROW = b'{"symbol":"A","fundingIntervalHours":8}'


def bomb(size: int, wbits: int = 31) -> bytes:
    """So many zeros, compressed."""
    squeeze = zlib.compressobj(9, wbits=wbits)
    return squeeze.compress(bytes(size)) + squeeze.flush()


def raw_deflate(body: bytes) -> bytes:
    return zlib.compress(body, wbits=-15)


ENCODED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "by its old name": ("x-gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "deflate without a header": ("deflate", raw_deflate),
    "not at all": ("identity", lambda body: body),
    "in capitals": ("GZIP", gzip.compress),
}


@pytest.mark.parametrize("case", ENCODED)
def test_what_we_accept_is_undone(settings: Settings, case: str) -> None:
    name, compress = ENCODED[case]
    body = b"[" + ROW + (b"," + ROW) * 5_000 + b"]"  # several pieces
    answer = Answer(compress(body), headers={"Content-Encoding": name})
    rows, _, _ = ask(answer, settings)
    assert len(rows) == 5_001


REFUSED = {
    "brotli": ("br", GOOD.content),
    "zstd": ("zstd", GOOD.content),
    "twice": ("gzip, gzip", gzip.compress(gzip.compress(GOOD.content))),
    "cut short": ("gzip", gzip.compress(GOOD.content)[:-12]),
    "another one": ("deflate", gzip.compress(GOOD.content)),
    "junk": ("deflate", b"\xff\xff\xff"),
    "a name of its own": ("\xe9" * 50, GOOD.content),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_we_do_not_accept_is_not_an_answer(settings: Settings, case: str) -> None:
    name, body = REFUSED[case]
    error, _, _ = ask(Answer(body, headers={"Content-Encoding": name}), settings)
    assert type(error) is UndecodableError


@pytest.mark.sampled(1)
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_stopped_at_its_decompressed_size(settings: Settings, encoding: str) -> None:
    body = bomb(400 * MIB, 31 if encoding == "gzip" else 15)
    error, router, _ = ask(Answer(body, headers={"Content-Encoding": encoding}), settings)
    assert isinstance(error, TooLargeError)
    assert len(router.requests) == 1


BODIES: dict[str, Callable[[], bytes]] = {
    "longer than any answer": lambda: bytes(MAX_BODY_BYTES + 1),
    "a list of tiny objects": lambda: b"[" + b"{}," * (5 * MIB) + b"{}]",
    "a list of tiny lists": lambda: b"[" + b"[]," * (5 * MIB) + b"[]]",
    "rows without end": lambda: b"[" + (ROW + b",") * 350_000 + ROW + b"]",
}


@pytest.mark.parametrize("case", BODIES)
def test_what_would_become_too_large_is_not_decoded(settings: Settings, case: str) -> None:
    small = settings.model_copy(update={"collection_memory_mib": 64})
    error, _, _ = ask(Answer(BODIES[case]()), small)
    assert type(error) is TooLargeError
    assert error.stops_venue


def test_answers_under_way_share_what_there_is(settings: Settings) -> None:
    body = b"[" + ROW + b" " * (3 * MIB) + b"]"

    async def run() -> tuple[list[object], Share]:
        share = Share("binance", 4 * MIB)
        async with (
            serve({FUNDING_INFO.path: Answer(body)}) as router,
            open_venue("binance", router.url, settings=settings, memory=share) as venue,
        ):
            calls = [venue.fetch(FUNDING_INFO) for _ in range(2)]
            return await asyncio.gather(*calls, return_exceptions=True), share

    answers, share = asyncio.run(run())
    assert sum(isinstance(answer, TooLargeError) for answer in answers) == 1
    assert sum(isinstance(answer, list) for answer in answers) == 1
    assert share.used == 0


def test_what_is_decoded_is_held_until_the_question_is_answered() -> None:
    share = Share("venue", 10_000)

    async def ask_twice() -> None:
        async def decode() -> None:
            share.hold_decoded(b"[" + b"{}" * 10 + b"]")

        with share.question():
            await asyncio.gather(decode(), decode())
            assert share.used == 8_200
            with pytest.raises(TooLargeError):
                await decode()

    asyncio.run(ask_twice())
    assert share.used == 0
