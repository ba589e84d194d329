"""Keys of the service: made, listed, withdrawn, and known again.

A key is ``fp_<id>_<secret>``. It is shown once; the file has the scrypt digest of its secret, who
it is for, what it may do and how fast. A secret has 256 random bits.
"""

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec
from filelock import Timeout

from funding_platform.core.errors import FundingError
from funding_platform.core.system.secret_files import changing, write_secret
from funding_platform.service.problems import ProblemError

Scope: TypeAlias = Literal["read", "admin"]

PREFIX: Final = "fp"
LOOKED_AT_EVERY_SECONDS: Final = 1.0
_KEY: Final = re.compile(rf"{PREFIX}_([0-9a-f]{{8}})_([A-Za-z0-9_-]{{43}})")
_RATE: Final = re.compile(r"([1-9][0-9]{0,5})/(s|m|h)")
_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}
_NAME: Final = re.compile(r"[\w .@-]{1,64}")

SCRYPT: Final = {"n": 2**14, "r": 8, "p": 1}
"""Some 50 ms and 16 MiB: a key is checked so once per process."""


class KeyFileError(FundingError):
    """Keys cannot be read or written, or there is no such key."""


class Rate(msgspec.Struct, frozen=True):
    """So many requests in so many seconds.

    Parameters
    ----------
    requests
        At one time at most, and on average over the seconds.
    seconds
        In which as many are given back.
    """

    requests: int
    seconds: float

    def __str__(self) -> str:
        unit = next(name for name, length in _SECONDS.items() if length == self.seconds)
        return f"{self.requests}/{unit}"


def parse_rate(text: str) -> Rate:
    """Read ``10/s``, ``600/m`` or ``5000/h``.

    Raises
    ------
    ValueError
        If it is none.
    """
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no rate; write requests per second, minute or hour: 10/s")
    return Rate(int(found[1]), _SECONDS[found[2]])


class StoredKey(msgspec.Struct, frozen=True):
    """What is kept of a key.

    Parameters
    ----------
    id
        The part of it that is no secret.
    name
        Who has it.
    scope
        ``read``, or ``admin``, which reads too.
    rate
        How fast it may ask.
    created_at, revoked_at
        From when to when it counts.
    salt, digest
        Of its secret, in hexadecimal.
    """

    id: str
    name: str
    scope: Scope
    rate: Rate
    created_at: datetime
    salt: str
    digest: str
    revoked_at: datetime | None = None

    def has(self, secret: str) -> bool:
        """Tell whether a secret is the one of this key, in the same time either way."""
        digest = _digest(secret, bytes.fromhex(self.salt))
        return hmac.compare_digest(digest, self.digest)


def parts_of(key: str) -> tuple[str, str] | None:
    """Split a key into its id and its secret; None where it is none."""
    found = _KEY.fullmatch(key)
    return None if found is None else (found[1], found[2])


def read_keys(file: Path) -> list[StoredKey]:
    """Read what is kept of all keys, the oldest first; none where there is no file yet.

    Raises
    ------
    KeyFileError
        If the file cannot be read or is damaged: nobody is let in by mistake.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[StoredKey])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError) as error:
        raise KeyFileError(
            f"{file}: the keys cannot be read: {error}",
            hint="mend the file, or delete it and make new keys",
        ) from error


def create_key(file: Path, *, name: str, scope: Scope, rate: Rate) -> tuple[str, StoredKey]:
    """Make a key; return it, which nobody can do again, and what is kept of it.

    Raises
    ------
    KeyFileError
        If the name is none, or the file cannot be read or written.
    """
    if not _NAME.fullmatch(name):
        raise KeyFileError(
            f"{name!r} is no name of who has a key",
            hint="up to 64 letters, digits, blanks and any of _ . @ -",
        )
    secret, salt = secrets.token_urlsafe(32), secrets.token_bytes(16)
    kept = StoredKey(
        id=secrets.token_hex(4),
        name=name,
        scope=scope,
        rate=rate,
        created_at=datetime.now(UTC),
        salt=salt.hex(),
        digest=_digest(secret, salt),
    )
    with _locked(file):
        _write(file, [*read_keys(file), kept])
    return f"{PREFIX}_{kept.id}_{secret}", kept


def revoke_key(file: Path, key_id: str) -> StoredKey:
    """Withdraw a key, for good; a service that runs knows within a second.

    Raises
    ------
    KeyFileError
        If there is no such key, or the file cannot be read or written.
    """
    with _locked(file):
        keys = read_keys(file)
        found = next((key for key in keys if key.id == key_id), None)
        if found is None:
            raise KeyFileError(
                f"there is no key {key_id!r}", hint="`funding keys list` shows the ids"
            )
        if found.revoked_at is not None:
            return found
        revoked = msgspec.structs.replace(found, revoked_at=datetime.now(UTC))
        _write(file, [revoked if key.id == key_id else key for key in keys])
    return revoked


def usable(keys: Sequence[StoredKey]) -> list[StoredKey]:
    """Return those that have not been withdrawn."""
    return [key for key in keys if key.revoked_at is None]


class Keyring:
    """The keys, for a service: read again where the file has changed.

    Parameters
    ----------
    file
        Where they are kept.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stamp: tuple[int, int] | None = None
        self._keys: dict[str, StoredKey] = {}
        self._known: dict[bytes, str] = {}

    def refresh(self) -> None:
        """Read the file again if it is another than before.

        Raises
        ------
        KeyFileError
            If it cannot be read: then no key counts.
        """
        try:
            found = self._file.stat()
            stamp = (found.st_mtime_ns, found.st_size)
        except FileNotFoundError:
            stamp = None
        if stamp == self._stamp:
            return
        self._keys, self._known = {}, {}
        self._keys = {key.id: key for key in usable(read_keys(self._file))}
        self._stamp = stamp

    async def keep(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(LOOKED_AT_EVERY_SECONDS)
            with suppress(FundingError):  # then no key counts, and every request says so
                self.refresh()

    def __len__(self) -> int:
        return len(self._keys)

    def counts(self, key_id: str) -> bool:
        """Tell whether a key has not been withdrawn."""
        return key_id in self._keys

    def get(self, key_id: str) -> StoredKey | None:
        """Return a key that has not been withdrawn."""
        return self._keys.get(key_id)

    def known(self, presented: str) -> StoredKey | None:
        """Return the key if it was checked before, which costs nothing."""
        key_id = self._known.get(hashlib.sha256(presented.encode()).digest())
        return None if key_id is None else self._keys.get(key_id)

    def named(self, presented: str) -> StoredKey | None:
        """Return the key that a text claims to be, unchecked."""
        parts = parts_of(presented)
        return None if parts is None else self._keys.get(parts[0])

    def check(self, presented: str) -> StoredKey | None:
        """Return the key if the text is it; takes 50 ms, so it is for a thread."""
        parts, claimed = parts_of(presented), self.named(presented)
        if parts is None or claimed is None or not claimed.has(parts[1]):
            return None
        self._known[hashlib.sha256(presented.encode()).digest()] = claimed.id
        return claimed


def not_let_in(message: str) -> ProblemError:
    """Return the problem that no key, or no good one, came with a request."""
    return ProblemError(
        HTTPStatus.UNAUTHORIZED,
        message,
        hint="send a key of this service: Authorization: Bearer fp_…; `funding keys create` makes "
        "one",
        headers={"WWW-Authenticate": 'Bearer realm="funding"'},
    )


def _digest(secret: str, salt: bytes) -> str:
    return hashlib.scrypt(secret.encode(), salt=salt, **SCRYPT, maxmem=2**26).hex()


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Keep everybody else from changing the keys."""
    try:
        with changing(file):
            yield
    except (OSError, Timeout) as error:
        raise KeyFileError(
            f"{file}: the keys cannot be changed: {error}",
            hint="see that this user may write there, and that nobody else is changing them",
        ) from error


def _write(file: Path, keys: list[StoredKey]) -> None:
    write_secret(file, msgspec.json.format(msgspec.json.encode(keys), indent=2))
