"""Which webhooks there are: a file that nobody else on the machine may read.

It has what must be known to send: addresses, which may hold tokens, and secrets, which sign. None
of both is in an answer, a log or an error.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec
from filelock import Timeout

from funding_platform.core.system.secret_files import changing, write_secret
from funding_platform.telemetry.webhooks.errors import (
    TooManyWebhooksError,
    UnknownWebhookError,
    WebhookFileError,
)
from funding_platform.telemetry.webhooks.events import EventType

Format: TypeAlias = Literal["json", "slack", "discord", "telegram"]

MOST_OF_A_KEY: Final = 20
MOST: Final = 100
"""Each asks its own questions of lake and board, every few seconds."""


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to be told, and where.

    Parameters
    ----------
    id
        Its name in addresses.
    owner
        Id of the key that it was made with; it sends for as long as that key counts.
    url
        Where to; it may hold a token.
    form
        In which form.
    events
        Types of event.
    filters
        Fields of ``OpportunityFilter``, those that were stated.
    bounds
        Upper bounds of other types of event than opportunities, in the unit of their rules.
    secret
        What ``json`` is signed with; None for chats, which verify nothing.
    chat_id
        The chat of Telegram.
    created_at
        When it was made.
    """

    id: str
    owner: str
    url: str
    form: Format
    events: tuple[EventType, ...]
    filters: dict[str, Any]
    bounds: dict[EventType, float]
    secret: str | None
    chat_id: str | None
    created_at: datetime

    @property
    def target(self) -> str:
        """The part of the address that is no secret."""
        parts = urlsplit(self.url)
        port = "" if parts.port is None else f":{parts.port}"
        host = parts.hostname or ""
        return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def read_webhooks(file: Path) -> list[Webhook]:
    """Read all webhooks, the oldest first; none where there is no file yet.

    Raises
    ------
    WebhookFileError
        If the file cannot be read or is damaged.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[Webhook])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError) as error:
        why = type(error).__name__  # its words may be those of the file
        raise WebhookFileError(
            f"{file}: the webhooks cannot be read: {why}",
            hint="mend the file, or delete it and make the webhooks anew",
        ) from None


def find_webhook(file: Path, hook_id: str) -> Webhook:
    """Return the webhook of an id.

    Raises
    ------
    UnknownWebhookError
        If there is none.
    WebhookFileError
        If the file cannot be read.
    """
    found = next((hook for hook in read_webhooks(file) if hook.id == hook_id), None)
    if found is None:
        raise UnknownWebhookError(
            f"there is no webhook {hook_id!r}", hint="`funding webhooks list` shows the ids"
        )
    return found


def add_webhook(file: Path, hook: Webhook) -> None:
    """Keep a webhook.

    Raises
    ------
    TooManyWebhooksError
        If there are as many already as are kept.
    WebhookFileError
        If the file cannot be read or written.
    """
    with _changing(file):
        kept = read_webhooks(file)
        own = sum(one.owner == hook.owner for one in kept)
        if own >= MOST_OF_A_KEY or len(kept) >= MOST:
            raise TooManyWebhooksError(
                f"there are {own} webhooks of this key and {len(kept)} in all; "
                f"{MOST_OF_A_KEY} and {MOST} are kept",
                hint="delete one that is not needed any more",
            )
        _write(file, [*kept, hook])


def delete_webhook(file: Path, hook_id: str) -> None:
    """Keep a webhook no more.

    Raises
    ------
    WebhookFileError
        If the file cannot be read or written.
    """
    with _changing(file):
        _write(file, [one for one in read_webhooks(file) if one.id != hook_id])


@contextmanager
def _changing(file: Path) -> Iterator[None]:
    try:
        with changing(file):
            yield
    except (OSError, Timeout) as error:
        raise WebhookFileError(
            f"{file}: the webhooks cannot be changed: {type(error).__name__}",
            hint="see that this user may write there, and that nobody else is changing them",
        ) from error


def _write(file: Path, hooks: list[Webhook]) -> None:
    write_secret(file, msgspec.json.format(msgspec.json.encode(hooks), indent=2))
