"""What carries httpx's requests: aiohttp, which keeps its connections at any concurrency.

A snapshot has 64 requests to a venue under way at once. httpx's own pool keeps 20 connections open,
and of more than that it keeps none: nearly every request shakes hands anew. Allowed more, it looks
at all of them before and after every request, which takes longer than everything else together.
"""

import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache
from ssl import SSLContext
from typing import Final

import aiohttp
import httpx
import yarl

_CHUNK_BYTES: Final = 2**16
"""Bounds what a decompression bomb becomes at one go: deflate packs a thousand bytes into one."""


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Sends each request once, as httpx built it; made and closed inside an event loop.

    Neither cookies nor redirects are followed up, nothing is decompressed, and there is no timeout:
    all that is the client's. Proxies are taken from the environment, as httpx would.

    Parameters
    ----------
    trust
        The certificates that servers must be signed by.
    """

    def __init__(self, trust: SSLContext) -> None:
        self._proxies = urllib.request.getproxies()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=trust),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(),
            middlewares=(_once,),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and return the head of the answer, whose body is still to be read.

        Raises
        ------
        httpx.TransportError
            If the server cannot be reached, or breaks off.
        """
        with _in_words_of_httpx():
            answer = await self._session.request(
                request.method,
                yarl.URL(str(request.url), encoded=True),
                headers=[(name.decode(), value.decode()) for name, value in request.headers.raw],
                data=request.content or None,
                allow_redirects=False,
                proxy=self._proxy_for(request.url),
            )
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._session.close()

    def _proxy_for(self, url: httpx.URL) -> str | None:
        proxy = self._proxies.get(url.scheme) or self._proxies.get("all")
        return None if proxy is None or urllib.request.proxy_bypass(url.host) else proxy


class _Body(httpx.AsyncByteStream):
    """The body of an answer as it arrives."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _in_words_of_httpx():
            async for chunk in self._answer.content.iter_chunked(_CHUNK_BYTES):
                yield chunk

    async def aclose(self) -> None:
        self._answer.release()  # closes the connection if some of the body is still to come


async def _once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Translate here already: aiohttp repeats what fails with its own errors, past the budget."""
    with _in_words_of_httpx():
        return await handler(request)


@contextmanager
def _in_words_of_httpx() -> Iterator[None]:
    try:
        yield
    except aiohttp.ClientConnectorError as error:
        raise httpx.ConnectError(str(error)) from error
    except (aiohttp.ClientError, OSError) as error:
        raise httpx.NetworkError(f"{type(error).__name__} {error}".rstrip()) from error


@cache
def trusted() -> SSLContext:
    """Load the certificates of all clients once: reading them takes 24 ms each time."""
    return httpx.create_ssl_context()
