"""Sessions of the dashboard: a key is shown once, and a cookie stands for it for some hours.

A session is the id of a key, when it ends, a number of its own, and a signature over them: nothing
is kept of it while it lasts. It ends with its time, with its key, and when somebody signs out: of
those a digest is kept for as long as a copy of the cookie would be good. Scripts never see a cookie
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

import msgspec
from filelock import Timeout

from funding_platform.core.system.secret_files import changing, write_secret
from funding_platform.service.access.buckets import Buckets
from funding_platform.service.access.keys import KeyFileError, Rate
from funding_platform.service.problems import ProblemError

COOKIE: Final = "funding_session"
LASTS_SECONDS: Final = 8 * 3_600
SECRET_BYTES: Final = 32

_BEGINNING: Final = Rate(20, 60.0)
"""Sessions of a key: each that is ended is remembered for hours."""

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
    number
        Random: what tells it from others of the key.
    """

    key_id: str
    ends_at: int
    number: str

    @property
    def told(self) -> str:
        """What a cookie says of it, which the signature is over."""
        return f"{self.key_id}.{self.ends_at}.{self.number}"

    @property
    def digest(self) -> str:
        """What is kept of it once it has been ended."""
        return hashlib.sha256(self.told.encode()).hexdigest()


class Sessions:
    """Makes cookies, and knows them again, also after a restart and in another process.

    Parameters
    ----------
    file
        Where the secret that signs them is kept; it is made when the first one is. Beside it lies
        which have been ended before their time.
    timer
        Seconds since the epoch.
    """

    def __init__(self, file: Path, timer: Callable[[], float] = time.time) -> None:
        self._file = file
        self._timer = timer
        self._secret: bytes | None = None
        self._ended_file = file.with_suffix(".ended.json")
        self._ended: dict[str, int] = {}
        self._ended_stamp: tuple[int, int] | None = None
        self._begun = Buckets()

    def begin(self, key_id: str) -> tuple[str, Session]:
        """Make a session for a key; return the cookie's value, and what it stands for.

        Raises
        ------
        KeyFileError
            If the secret cannot be read or kept.
        ProblemError
            429, if the key has begun too many of late.
        """
        if not self._begun.take(key_id, _BEGINNING).allowed:
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"key {key_id} has begun more than {_BEGINNING} sessions",
                hint="wait a minute",
                headers={"Retry-After": "60"},
            )
        ends_at = int(self._timer()) + LASTS_SECONDS
        session = Session(key_id, ends_at, secrets.token_hex(8))
        return f"{session.told}.{self._signature(session.told, self._kept_secret())}", session

    def known(self, headers: Mapping[bytes, bytes]) -> Session | None:
        """Return the session that came with a request; None of one that is over or was made up."""
        value = _cookie(headers.get(b"cookie", b""))
        if value is None:
            return None
        told, _, signature = value.rpartition(".")
        key_id, _, rest = told.partition(".")
        ends_at, _, number = rest.partition(".")
        secret = self._secret or self._stored()
        if secret is None or not hmac.compare_digest(signature, self._signature(told, secret)):
            return None
        session = Session(key_id, int(ends_at), number)
        return session if self.lasts(session) else None

    def lasts(self, session: Session) -> bool:
        """Tell whether a session is not over, by its time or because somebody has signed out."""
        return self._timer() < session.ends_at and session.digest not in self._known_ended()

    def end(self, session: Session) -> None:
        """End a session now, whoever else may have a copy of its cookie; here and in every process.

        Raises
        ------
        KeyFileError
            If that cannot be kept.
        """
        try:
            with changing(self._ended_file):
                now = self._timer()
                ended = {name: at for name, at in self._known_ended().items() if at > now}
                told = ended | {session.digest: session.ends_at}
                write_secret(self._ended_file, msgspec.json.encode(told))
        except (OSError, Timeout) as error:
            raise KeyFileError(
                f"{self._ended_file}: the session cannot be ended: {error}",
                hint="see that this user may write there; withdrawing the key ends it too",
            ) from error

    def _known_ended(self) -> dict[str, int]:
        """Return which have been ended and when each would have been over, read where that is new.

        What cannot be read lets nobody in.
        """
        try:
            found = self._ended_file.stat()
            stamp = (found.st_mtime_ns, found.st_ino)
            if stamp != self._ended_stamp:
                told = self._ended_file.read_bytes()
                self._ended = msgspec.json.decode(told, type=dict[str, int])
                self._ended_stamp = stamp
        except FileNotFoundError:
            self._ended, self._ended_stamp = {}, None
        except (OSError, msgspec.DecodeError) as error:
            raise KeyFileError(
                f"{self._ended_file}: sessions cannot be checked: {error}",
                hint="mend the file, or delete it together with session.key, which ends them all",
            ) from error
        return self._ended

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
