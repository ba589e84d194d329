"""Undoing the compression of a body piece by piece, so that a bomb is noticed while it is small."""

import zlib
from collections.abc import Iterator
from typing import Final

ACCEPTED: Final = "gzip, deflate"
"""What we ask for. Nothing else is undone: other compressions cannot be stopped half-way."""

PIECE_BYTES: Final = 2**16

_WINDOW_BITS: Final = {
    "gzip": zlib.MAX_WBITS | 16,
    "x-gzip": zlib.MAX_WBITS | 16,
    "deflate": zlib.MAX_WBITS,
}


class BrokenEncodingError(ValueError):
    """A body is not compressed as its header says, or in a way that nobody asked for."""


class Inflation:
    """Undoes one content encoding.

    Parameters
    ----------
    encoding
        The value of the header; empty where there is none.

    Raises
    ------
    BrokenEncodingError
        If it is not one of those that we accept, or several on top of each other.
    """

    def __init__(self, encoding: str) -> None:
        named = [part for raw in encoding.lower().split(",") if (part := raw.strip())]
        stacked = [name for name in named if name != "identity"]
        if len(stacked) > 1 or not set(stacked) <= _WINDOW_BITS.keys():
            raise BrokenEncodingError(f"compressed as {encoding!r}, where {ACCEPTED} was accepted")
        self._name = stacked[0] if stacked else None
        self._inflater = zlib.decompressobj(_WINDOW_BITS[stacked[0]]) if stacked else None
        self._begun = False

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what a chunk holds, at most ``PIECE_BYTES`` at a time.

        Raises
        ------
        BrokenEncodingError
            If the chunk is not what its encoding allows.
        """
        if self._inflater is None:
            yield chunk
            return
        while chunk and not self._inflater.eof:
            yield self._inflated(chunk)
            chunk = self._inflater.unconsumed_tail

    def finish(self) -> None:
        """Require that the end of the compressed data has come.

        Raises
        ------
        BrokenEncodingError
            If it was cut short.
        """
        if self._inflater is not None and self._begun and not self._inflater.eof:
            raise BrokenEncodingError(f"{self._name} data that end too soon")

    def _inflated(self, chunk: bytes) -> bytes:
        assert self._inflater is not None
        first, self._begun = not self._begun, True
        try:
            return self._inflater.decompress(chunk, PIECE_BYTES)
        except zlib.error as error:
            if not first or self._name != "deflate":
                raise BrokenEncodingError(f"not {self._name} data: {error}") from error
        # Many servers send deflate without the header of zlib that the standard asks for.
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            return self._inflater.decompress(chunk, PIECE_BYTES)
        except zlib.error as error:
            raise BrokenEncodingError(f"not deflate data: {error}") from error
