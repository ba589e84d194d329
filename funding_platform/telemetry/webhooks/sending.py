"""Posting one message, to the address that was looked at and to no other."""

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import Final

import httpx

from funding_platform.telemetry.alerts.errors import SinkError
from funding_platform.telemetry.alerts.observing import Message
from funding_platform.telemetry.alerts.signing import key_of, signed_headers
from funding_platform.telemetry.alerts.sinks import hush
from funding_platform.telemetry.webhooks.addresses import Target, resolved
from funding_platform.telemetry.webhooks.errors import TargetError
from funding_platform.telemetry.webhooks.forms import body_of, identity
from funding_platform.telemetry.webhooks.registry import Webhook

ANSWER_SECONDS: Final = 10.0
"""Longest that a message may take, from resolving the name to the status of the answer."""


class Sender:
    """Posts messages.

    Parameters
    ----------
    private
        Whether addresses of this network are allowed.
    timer
        Seconds since the epoch.
    tls
        What certificates are held to; the authorities of certifi where left out.
    """

    def __init__(
        self,
        *,
        private: bool,
        timer: Callable[[], float] = time.time,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._private = private
        self._timer = timer
        self._tls = tls
        hush("httpx")
        hush("httpcore")

    async def send(self, hook: Webhook, message: Message) -> None:
        """Post a message; whatever answers with a status of 2xx has taken it.

        No redirect is followed and no proxy asked: either would lead past the address that was
        looked at. Of the answer only the status is read.

        Raises
        ------
        SinkError
            If it was not taken. Says no address, which may hold a token.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                target = await resolved(hook.url, private=self._private)
                status = await self._posted(target, hook, message)
        except TimeoutError:
            raise SinkError(f"{hook.target}: no answer within {ANSWER_SECONDS:g} s") from None
        except TargetError as error:
            raise SinkError(f"{hook.target}: {error.message.removeprefix('url: ')}") from None
        except httpx.HTTPError as error:
            raise SinkError(f"{hook.target}: {type(error).__name__}") from None
        if not 200 <= status < 300:
            raise SinkError(f"{hook.target} answered with status {status}")

    async def _trusted(self) -> ssl.SSLContext:
        """Return what certificates are held to, read once: that takes tens of milliseconds."""
        if self._tls is None:
            self._tls = await asyncio.to_thread(httpx.create_ssl_context, trust_env=False)
        return self._tls

    async def _posted(self, target: Target, hook: Webhook, message: Message) -> int:
        body = body_of(hook, message)
        headers = {"content-type": "application/json", "user-agent": "funding-platform"}
        if hook.secret is not None:
            key, at = key_of(hook.secret), int(self._timer())
            headers |= signed_headers(key, identity(hook, message), at, body)
        headers["host"] = target.url.netloc.decode("ascii")
        connected_to = target.url.copy_with(host=target.address)
        trusted = await self._trusted()
        async with (
            httpx.AsyncClient(verify=trusted, trust_env=False, timeout=ANSWER_SECONDS) as client,
            client.stream(
                "POST",
                connected_to,
                content=body,
                headers=headers,
                extensions={"sni_hostname": target.url.raw_host.decode("ascii")},
            ) as answer,
        ):
            return answer.status_code
