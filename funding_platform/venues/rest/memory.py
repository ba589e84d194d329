"""How much memory one venue may take: what is being read, what was decoded, what is kept for audit.

A collection has a budget, ``Settings.collection_memory_mib``, of which every venue has the same
share. Shares are not lent: a venue that sends without end runs into its own limit, and the others
have theirs.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from funding_platform.venues.errors import TooLargeError

MAX_BODY_BYTES: Final = 16 * 2**20
"""Of one answer. The largest known is of some 4 MB: Paradex's markets."""

_OBJECT_BYTES: Final = 400
"""What a JSON object becomes: a struct of ten fields, numbers and texts of 30 to 70 bytes each."""

_LIST_BYTES: Final = 100
"""What a JSON list is before anything is in it: itself, and its place in another."""


@dataclass(slots=True)
class _Kept:
    size: int = 0


_kept: ContextVar[_Kept | None] = ContextVar("kept", default=None)


class Share:
    """The bytes that one venue may hold at a time.

    Parameters
    ----------
    venue
        Whose they are, for errors.
    limit
        How many; by default there is no limit.
    """

    def __init__(self, venue: str, limit: float = math.inf) -> None:
        self.limit = limit
        self.used = 0
        self.venue = venue

    def take(self, size: int, what: str) -> None:
        """Take so many bytes.

        Raises
        ------
        TooLargeError
            If they are more than is left.
        """
        if not self.has(size):
            raise TooLargeError(
                f"takes more than its share of {self.limit / 2**20:.0f} MiB of memory, {what}",
                venue=self.venue,
                hint="a venue in order needs a few MiB; FUNDING_COLLECTION_MEMORY_MIB is the "
                "budget of all venues of a collection together",
            )
        self.used += size

    def has(self, size: int) -> bool:
        """Tell whether so many bytes are left."""
        return self.used + size <= self.limit

    def give_back(self, size: int) -> None:
        """Give back what was taken."""
        self.used -= size

    @contextmanager
    def question(self) -> Iterator[None]:
        """Hold what is decoded inside the block, also by tasks that it starts, until its end."""
        token = _kept.set(kept := _Kept())
        try:
            yield
        finally:
            _kept.reset(token)
            self.give_back(kept.size)

    def hold_decoded(self, body: bytes) -> None:
        """Take, before it is decoded, what a body will become, until the question is answered.

        Raises
        ------
        TooLargeError
            If it is more than is left.
        """
        kept = _kept.get()
        size = _decoded_size(body)
        self.take(size, "once its answers are decoded")
        if kept is None:
            self.give_back(size)
        else:
            kept.size += size


def _decoded_size(body: bytes) -> int:
    """Estimate the most that a body becomes: fields that nobody declared are passed over.

    Texts are mostly short.
    """
    wide = 0 if body.isascii() else len(body)  # characters beyond ASCII take more than their bytes
    return _OBJECT_BYTES * body.count(b"{") + _LIST_BYTES * body.count(b"[") + wide
