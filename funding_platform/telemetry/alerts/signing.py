"""The signature of what is sent, by the Standard Webhooks specification (version 1).

HMAC-SHA256 over id, time and body, so that nobody can forge a message, change it, or send an old
one again. Libraries in every common language verify it.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Final

from funding_platform.telemetry.alerts.errors import SinkConfigError

PREFIX: Final = "whsec_"

SHORTEST_KEY: Final = 24
LONGEST_KEY: Final = 64
"""In bytes, by the specification."""

NEW_KEY: Final = 32


def new_secret() -> str:
    """Make a secret of the specification."""
    return PREFIX + base64.b64encode(secrets.token_bytes(NEW_KEY)).decode()


def key_of(secret: str) -> bytes:
    """Return the key that a secret stands for.

    Raises
    ------
    SinkConfigError
        If it is no secret of the specification. The message does not repeat it.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        raise SinkConfigError(
            f"the secret of the webhook is not {PREFIX} and {SHORTEST_KEY} to {LONGEST_KEY} bytes "
            "in base64",
            hint='make one: echo "whsec_$(openssl rand -base64 32)"',
        )
    return key


def signed_headers(key: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers that go with a body.

    Parameters
    ----------
    timestamp
        When it is sent, in seconds since the epoch.
    """
    content = b".".join((message_id.encode(), str(timestamp).encode(), body))
    digest = hmac.new(key, content, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
