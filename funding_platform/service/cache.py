"""Answers as encoded bytes, good for one version of what they were made of.

Bounded in bytes; what was asked for longest ago goes first. An answer is encoded once per version,
gzipped once when that is first asked for, and told by its tag in 304 answers.
"""

import gzip
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
Key: TypeAlias = tuple[str, bytes, str]
"""Path, query and media type."""

Version: TypeAlias = tuple[int | None, int | None]
"""Of the lake, its snapshot; of the live board, its number. None where it was not asked."""

OVERHEAD_BYTES: Final = 1_024
"""What an entry takes beside its bytes, roughly."""

SMALLEST_GZIPPED: Final = 1_024
"""Shorter ones gain nothing."""

QUICKLY_GZIPPED: Final = 256 * 1_024
"""So many take some milliseconds, which everybody else may wait."""

GZIP_LEVEL: Final = 5


def tag_of(key: Key, version: Version, salt: str, content: bytes = b"") -> bytes:
    """Return the ETag of an answer: weak, since its age differs from one encoding to the next.

    Parameters
    ----------
    content
        What it says beside its age.
    """
    told = repr((key, version, salt)).encode() + content
    return b'W/"' + hashlib.blake2b(told, digest_size=12).hexdigest().encode() + b'"'


@dataclass
class Entry:
    """One encoded answer.

    Parameters
    ----------
    headers
        Of the answer, without its length, encoding and age.
    body
        Its bytes.
    tag
        Its ETag.
    version
        What it was made of.
    max_age
        Seconds that it is good for while that version lasts: what it says of its own age grows.
    made_at
        On the monotonic clock.
    """

    headers: Headers
    body: bytes
    tag: bytes
    version: Version
    max_age: float
    made_at: float

    @cached_property
    def plain_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of the answer as it is."""
        return [*self.headers, (b"content-length", b"%d" % len(self.body))]

    @cached_property
    def gzipped(self) -> bytes:
        """The bytes, gzipped."""
        return gzip.compress(self.body, GZIP_LEVEL, mtime=0)

    @cached_property
    def gzipped_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of the gzipped answer."""
        length = (b"content-length", b"%d" % len(self.gzipped))
        return [*self.headers, (b"content-encoding", b"gzip"), length]

    def goes_gzipped(self, accepted: bytes) -> bool:
        """Tell whether the answer goes out gzipped; a large one only where that is done already."""
        length = len(self.body)
        ready = "gzipped" in self.__dict__ or length <= QUICKLY_GZIPPED
        return b"gzip" in accepted and length >= SMALLEST_GZIPPED and ready

    def answer(self, encoding: bytes, known: bytes) -> tuple[int, bytes, bytes]:
        """Return status, head and body of the answer as they go out, but for age and request.

        Parameters
        ----------
        encoding, known
            The headers Accept-Encoding and If-None-Match of the request.
        """
        if known and self.tag in known:
            return 304, self._unchanged_head, b""
        if self.goes_gzipped(encoding):
            return 200, self._gzipped_head, self.gzipped
        return 200, self._plain_head, self.body

    @cached_property
    def _unchanged_head(self) -> bytes:
        return _head(b"304 Not Modified", self.headers[1:])

    @cached_property
    def _plain_head(self) -> bytes:
        return _head(b"200 OK", self.plain_headers)

    @cached_property
    def _gzipped_head(self) -> bytes:
        return _head(b"200 OK", self.gzipped_headers)

    @property
    def size(self) -> int:
        """Bytes held at most: with those of the gzipped copy that may be asked for."""
        return 2 * len(self.body) + OVERHEAD_BYTES

    def age(self, now: float) -> float:
        """Return seconds since it was made."""
        return now - self.made_at


def _head(status: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    return b"HTTP/1.1 %s\r\n" % status + b"".join(b"%s: %s\r\n" % one for one in headers)


class Cache:
    """Encoded answers by what was asked.

    Parameters
    ----------
    limit_bytes
        Held at most.
    is_current
        Tells whether a version is still the newest.
    clock
        Monotonic seconds.
    """

    def __init__(
        self,
        limit_bytes: int,
        is_current: Callable[[Version], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit_bytes
        self._is_current = is_current
        self._clock = clock
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self.held_bytes = 0
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Entry | None:
        """Return the answer to what is asked, if it is still good."""
        entry = self.good(key)
        if entry is not None:
            self.hit(key)
        return entry

    def good(self, key: Key) -> Entry | None:
        """Return the same without counting it; one that is good no more is dropped."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.age(self._clock()) < entry.max_age and self._is_current(entry.version):
            return entry
        self._drop(key)
        return None

    def hit(self, key: Key) -> None:
        """Count an answer that was good, and keep it for longer than those that nobody asks for."""
        self.hits += 1
        self._entries.move_to_end(key)

    def put(self, key: Key, entry: Entry) -> None:
        """Keep an answer that was not here; one larger than an eighth of all is not worth it."""
        self.misses += 1
        self._drop(key)
        if entry.size > self._limit / 8:
            return
        self._entries[key] = entry
        self.held_bytes += entry.size
        while self.held_bytes > self._limit:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.held_bytes -= entry.size
