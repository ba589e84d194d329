"""Where messages go: the log, a webhook, and whatever apprise knows (Slack, Discord, Telegram).

Addresses and keys are secrets. None of them is in the name of a sink, in an error or in a log.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

import httpx

from funding_platform.telemetry.alerts.errors import SinkConfigError, SinkError
from funding_platform.telemetry.alerts.observing import Message
from funding_platform.telemetry.alerts.signing import key_of, signed_headers

_LOG = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 5.0
"""Longest wait for a receiver; one that takes longer should put the message into a queue."""

_LEVELS: Final = {"critical": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO}


class Sink(Protocol):
    """Takes messages.

    Attributes
    ----------
    name
        Tells it apart in the outbox. It stays what it is as long as the address does.
    """

    @property
    def name(self) -> str:
        """Its name."""

    def send(self, message: Message) -> None:
        """Hand a message over.

        Raises
        ------
        SinkError
            If it was not taken.
        """


class LogSink:
    """Writes a line into the log."""

    name = "log"

    def send(self, message: Message) -> None:
        """Log it, at a level that goes by its severity; an end is told at INFO."""
        level = logging.INFO if message.event == "resolved" else _LEVELS[message.severity]
        _LOG.log(level, "%s", headline(message))


class WebhookSink:
    """Posts the message as JSON, signed.

    Parameters
    ----------
    url, secret
        Where to, and the secret of `signing`.
    timer
        Seconds since the epoch.

    Raises
    ------
    SinkConfigError
        If the address is no http(s) address, or the secret is none.
    """

    name = "webhook"

    def __init__(self, url: str, secret: str, *, timer: Callable[[], float] = time.time) -> None:
        self._url = _checked(url)
        self._key = key_of(secret)
        self._timer = timer
        hush("httpx")

    def send(self, message: Message) -> None:
        """Post it; whatever answers with a status of 2xx has taken it."""
        body = message.model_dump_json().encode()
        headers = {
            "content-type": "application/json",
            "user-agent": "funding-platform",
            **signed_headers(self._key, message.id, int(self._timer()), body),
        }
        try:
            answer = httpx.post(self._url, content=body, headers=headers, timeout=ANSWER_SECONDS)
        except httpx.HTTPError as error:
            # Its text may hold the address.
            raise SinkError(f"{self._url.host}: {type(error).__name__}") from None
        if not answer.is_success:
            raise SinkError(f"{self._url.host} answered with status {answer.status_code}")


class AppriseSink:
    """Tells people through a service that apprise knows.

    Parameters
    ----------
    url
        An address of apprise, such as ``slack://…``.

    Raises
    ------
    SinkConfigError
        If apprise is not installed, or does not know such an address.
    """

    def __init__(self, url: str) -> None:
        try:
            import apprise
        except ImportError:
            raise SinkConfigError(
                "alerts to chats need the library apprise, which is not installed",
                hint="pip install 'funding-platform[alerts]'",
            ) from None
        hush("apprise")
        self._types = apprise.NotifyType
        self._service = apprise.Apprise()
        if not self._service.add(url):
            raise SinkConfigError(
                "FUNDING_ALERT_APPRISE_URLS: there is an address that apprise does not know",
                hint="the wiki of apprise lists them: https://github.com/caronc/apprise/wiki",
            )
        service = url.partition("://")[0]
        self.name = f"{service}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"

    def send(self, message: Message) -> None:
        """Send it as a title and a text."""
        kinds = {
            "critical": self._types.FAILURE,
            "warning": self._types.WARNING,
            "info": self._types.INFO,
        }
        resolved = message.event == "resolved"
        sent = self._service.notify(
            title=headline(message),
            body=f"{message.text}\nsince {message.since:%Y-%m-%d %H:%M} UTC",
            notify_type=self._types.SUCCESS if resolved else kinds[message.severity],
        )
        if not sent:
            raise SinkError(f"{self.name} did not take it")


def headline(message: Message) -> str:
    """Say in a line what a message says."""
    event = "resolved" if message.event == "resolved" else message.severity
    lost = (
        f" ({message.lost_before} messages before it were dropped)" if message.lost_before else ""
    )
    return f"{event}: {message.title}: {message.text}{lost}"


def hush(library: str) -> None:
    """Keep a library from logging addresses; what fails is told by our own errors."""
    logging.getLogger(library).setLevel(logging.CRITICAL)


def _checked(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise SinkConfigError(
            "FUNDING_ALERT_WEBHOOK_URL is no address",
            hint="write https://host/path",
        )
    return parsed
