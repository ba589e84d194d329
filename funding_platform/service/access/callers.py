"""Who asks: by the key that came along, or because the request is of this machine."""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from funding_platform.service.access.keys import StoredKey, not_let_in
from funding_platform.service.access.sessions import Session
from funding_platform.service.problems import ProblemError

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass
class Caller:
    """Who asks.

    Parameters
    ----------
    key
        The key that came with the request; None on loopback without one.
    request_id
        What the log and a problem name the request by.
    session
        The session that stands for the key, where no key came along itself.
    """

    key: StoredKey | None
    request_id: str
    session: Session | None = None


def caller_of(scope: MutableMapping[str, Any]) -> Caller:
    """Return who asks."""
    caller: Caller = scope["funding.caller"]
    return caller


def require_admin(caller: Caller) -> StoredKey:
    """Return the admin key that a request came with: it is needed on loopback too.

    Raises
    ------
    ProblemError
        401 without a key, 403 with one that may only read.
    """
    if caller.key is None:
        raise not_let_in("an admin key is needed")
    if caller.key.scope != "admin":
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            f"key {caller.key.id} may only read",
            hint="`funding keys create --scope admin` makes one that may set fees",
        )
    return caller.key


def require_key(caller: Caller) -> StoredKey:
    """Return the key that a request came with, where one is needed on loopback too.

    Raises
    ------
    ProblemError
        401 without a key.
    """
    if caller.key is None:
        raise not_let_in("a key is needed: what it makes is its own")
    return caller.key


def presented_key(headers: Mapping[bytes, bytes]) -> str | None:
    """Return the key that came with a request, if one did."""
    said = headers.get(b"authorization", b"").decode("latin-1")
    scheme, _, key = said.partition(" ")
    if scheme.lower() == "bearer" and key:
        return key.strip()
    own = headers.get(b"x-api-key")
    return own.decode("latin-1") if own else None


def require_loopback(headers: Mapping[bytes, bytes]) -> None:
    """Refuse names that are not this machine's: a page elsewhere may have one that leads here.

    Raises
    ------
    ProblemError
        421.
    """
    host = headers.get(b"host", b"")
    if not is_loopback(host):
        raise ProblemError(
            HTTPStatus.MISDIRECTED_REQUEST,
            f"host: {host.decode('latin-1')!r} is not this machine, which alone is served",
            hint="ask http://127.0.0.1 or localhost, or start it with --public",
        )


@lru_cache(maxsize=64)
def is_loopback(host: bytes) -> bool:
    """Tell whether a header Host names this machine."""
    try:
        return urlsplit(f"//{host.decode('latin-1')}").hostname in LOOPBACK
    except ValueError:  # no address, such as [::
        return False
