"""What only the transport decides: connections, the bytes of a request, proxies, and its errors."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from funding_platform.settings import Settings
from funding_platform.venues.adapters.binance.rest import FUNDING_INFO
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import ConnectionFailedError
from funding_platform.venues.registry import open_venue
from funding_platform_tests.venues.server import Answer, Router, serve

GOOD = Answer([])
PATH = FUNDING_INFO.path


def ask(
    use: Callable[[Venue, Router], Any], settings: Settings, *answers: Answer, url: str = ""
) -> Router:
    """What a server saw of a venue in use, at its own address unless another is given."""

    async def run() -> Router:
        async with (
            serve({PATH: list(answers) or [GOOD]}) as router,
            open_venue("binance", url or router.url, settings=settings) as venue,
        ):
            await use(venue, router)
            return router

    return asyncio.run(run())


def test_connections_are_kept_however_many_there_are(settings: Settings) -> None:
    async def five_rounds(venue: Venue, router: Router) -> None:
        for _ in range(5):
            await asyncio.gather(*(venue.fetch(FUNDING_INFO) for _ in range(64)))

    router = ask(five_rounds, settings)
    assert len(router.requests) == 5 * 64
    assert router.accepted < len(router.requests) / 2  # 64 on a machine with nothing else to do


def test_a_connection_is_not_kept_when_the_rest_of_an_answer_is_unread(settings: Settings) -> None:
    hasty = settings.model_copy(update={"request_timeout_seconds": 0.2})

    async def give_up_once(venue: Venue, router: Router) -> None:
        assert await venue.fetch(FUNDING_INFO) == []

    router = ask(give_up_once, hasty, Answer(b" " * 60, fault="drip"), GOOD)
    assert router.accepted == 2


def test_what_broke_off_on_a_kept_connection_is_not_sent_again_unasked(settings: Settings) -> None:
    async def two_calls(venue: Venue, router: Router) -> None:
        await venue.fetch(FUNDING_INFO)
        await venue.fetch(FUNDING_INFO)
        assert venue.stats.requests == len(router.requests)

    router = ask(two_calls, settings, GOOD, Answer(fault="reset"), GOOD)
    assert len(router.requests) == 3


def test_a_query_arrives_as_it_was_written(settings: Settings) -> None:
    params = {"symbol": "BTC/USD:PERP", "odd": "a b+c%2C,d&é", "list": "[1]", "empty": ""}

    async def call(venue: Venue, router: Router) -> None:
        await venue.fetch(FUNDING_INFO, params)

    router = ask(call, settings)
    assert router.requests[0].params == params
    assert router.requests[0].target == f"{PATH}?{httpx.QueryParams(params)}"


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy"])
def test_a_proxy_is_used_except_where_it_is_not_to_be(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    async def call(venue: Venue, router: Router) -> None:
        monkeypatch.setenv(variable, router.url)
        monkeypatch.setenv("no_proxy", "elsewhere.invalid")
        async with open_venue("binance", "http://venue.invalid", settings=settings) as proxied:
            await proxied.fetch(FUNDING_INFO)
        async with open_venue("binance", "http://elsewhere.invalid", settings=settings) as direct:
            with pytest.raises(ConnectionFailedError):
                await direct.fetch(FUNDING_INFO)

    router = ask(call, settings)
    assert [request.target for request in router.requests] == [f"http://venue.invalid{PATH}"]


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 \xff\r\n\r\n"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_is_no_http_is_a_failed_connection(
    settings: Settings, said: bytes, scheme: str
) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        async with (
            server,
            open_venue("binance", f"{scheme}://{host}:{port}", settings=settings) as it,
        ):
            await it.fetch(FUNDING_INFO)

    with pytest.raises(ConnectionFailedError, match="no connection"):
        asyncio.run(run())
