"""Sessions of the dashboard: a key is shown once, and a cookie stands for it for some hours.

A session is the id of a key, when it ends, and a signature over both: nothing is kept of it. It
ends with its time, with its key, and where the browser is told to forget it. Scripts never see it
(``HttpOnly``), and pages of other sites send it along with nothing (``SameSite=Strict``).
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from filelock import Timeout

from funding_platform.core.system.secret_files import changing, write_secret
from funding_platform.service.access.keys import KeyFileError
from funding_platform.service.problems import ProblemError

COOKIE: Final = "funding_session"
LASTS_SECONDS: Final = 8 * 3_600
SECRET_BYTES: Final = 32

_CHANGES_NOTHING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Session:
    """What a cookie stands for.

    Parameters
    ----------
    key_id
        Of the key that was shown.
    ends_at
        In seconds since the epoch.
    """

    key_id: str
    ends_at: int


class Sessions:
    """Makes cookies, and knows them again, also after a restart and in another process.

    Parameters
    ----------
    file
        Where the secret that signs them is kept; it is made when the first one is.
    timer
        Seconds since the epoch.
    """

    def __init__(self, file: Path, timer: Callable[[], float] = time.time) -> None:
        self._file = file
        self._timer = timer
        self._secret: bytes | None = None

    def begin(self, key_id: str) -> tuple[str, Session]:
        """Make a session for a key; return the cookie's value, and what it stands for.

        Raises
        ------
        KeyFileError
            If the secret cannot be read or kept.
        """
        session = Session(key_id, int(self._timer()) + LASTS_SECONDS)
        told = f"{session.key_id}.{session.ends_at}"
        return f"{told}.{self._signature(told, self._kept_secret())}", session

    def known(self, headers: Mapping[bytes, bytes]) -> Session | None:
        """Return the session that came with a request; None of one that is over or was made up."""
        value = _cookie(headers.get(b"cookie", b""))
        if value is None:
            return None
        told, _, signature = value.rpartition(".")
        key_id, _, ends_at = told.partition(".")
        secret = self._secret or self._stored()
        if secret is None or not hmac.compare_digest(signature, self._signature(told, secret)):
            return None
        session = Session(key_id, int(ends_at))
        return session if self.lasts(session) else None

    def lasts(self, session: Session) -> bool:
        """Tell whether a session is not over."""
        return self._timer() < session.ends_at

    def _signature(self, told: str, secret: bytes) -> str:
        return hmac.new(secret, told.encode(), hashlib.sha256).hexdigest()

    def _stored(self) -> bytes | None:
        try:
            found = self._file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KeyFileError(f"{self._file}: sessions cannot be checked: {error}") from error
        self._secret = found if len(found) == SECRET_BYTES else None
        return self._secret

    def _kept_secret(self) -> bytes:
        try:
            with changing(self._file):
                secret = self._stored()
                if secret is None:
                    secret = secrets.token_bytes(SECRET_BYTES)
                    write_secret(self._file, secret)
                self._secret = secret
                return secret
        except (OSError, Timeout) as error:
            raise KeyFileError(
                f"{self._file}: sessions cannot be made: {error}",
                hint="see that this user may write there",
            ) from error


def set_cookie(value: str, seconds: int, *, secure: bool) -> str:
    """Write the header that has a browser keep a session; of 0 seconds, forget it."""
    told = f"{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict"
    return f"{told}; Secure" if secure else told


def require_same_site(method: str, headers: Mapping[bytes, bytes]) -> None:
    """Refuse what would change something and comes of a page from elsewhere.

    A browser says so itself, and no page can have it say something else.

    Raises
    ------
    ProblemError
        403.
    """
    if method in _CHANGES_NOTHING:
        return
    site = headers.get(b"sec-fetch-site", b"").decode("latin-1")
    origin = origin_of(headers)
    if site == "same-origin" or (not site and origin and is_own(origin, headers)):
        return
    raise ProblemError(
        HTTPStatus.FORBIDDEN,
        "only this service's own pages change something by a session",
        hint="send a key: Authorization: Bearer fp_…",
    )


def origin_of(headers: Mapping[bytes, bytes]) -> str:
    """Return where the page is from that asks; empty where nobody says."""
    return headers.get(b"origin", b"").decode("latin-1")


def is_own(origin: str, headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether a page is of this service, by the name that it was asked under."""
    return urlsplit(origin).netloc == headers.get(b"host", b"").decode("latin-1")


def _cookie(header: bytes) -> str | None:
    try:
        found = SimpleCookie(header.decode("latin-1")).get(COOKIE)
    except CookieError:
        return None
    return None if found is None else found.value
