"""Leaving out the row that cannot be read, and refusing a list that cannot.

One blank rate of one symbol is that row's trouble; a field that is renamed is the venue's contract
broken. The rule, declared here and nowhere else: a list whose unreadable rows are no more than half
is read without them, and they are named. The remainder of a list of which other pages were read may
be unreadable altogether, up to ``REMAINDER`` rows.

Rows are looked at one by one only once the whole has failed to decode, so a good answer costs
nothing more.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, get_origin

import msgspec

from funding_platform.core.plain_text import legible
from funding_platform.venues.endpoints import Endpoint
from funding_platform.venues.errors import ContractError

T = TypeVar("T")

MOST_LEFT_OUT: Final = 50
"""Each costs another decoding of the whole."""

REMAINDER: Final = 3

_NAMES: Final = (
    "symbol",
    "instId",
    "instrument_name",
    "instrument",
    "contractName",
    "contractId",
    "name",
    "coin",
    "market",
    "m",
)
"""Under which a venue may name the perpetual of a row."""

_PATH: Final = re.compile(r" - at `\$(?P<path>[^`]*)`")
_STEP: Final = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<index>\d+)\]")
_NAME_LENGTH: Final = 40


@dataclass(slots=True)
class LeftOut:
    """What one question has lost: an error for each answer that was not read whole."""

    errors: list[ContractError] = field(default_factory=list)
    read: set[str] = field(default_factory=set)


_left_out: ContextVar[LeftOut | None] = ContextVar("left_out", default=None)


@contextmanager
def leaving_out() -> Iterator[LeftOut]:
    """Let rows be left out inside the block, and in tasks that it starts; outside none is."""
    token = _left_out.set(LeftOut())
    try:
        noted = _left_out.get()
        assert noted is not None
        yield noted
    finally:
        _left_out.reset(token)


def decode_rows(endpoint: Endpoint[T], body: bytes, *, venue: str, url: str) -> tuple[T, bytes]:
    """Return a body decoded, and the body itself, both without the rows that cannot be read.

    Parameters
    ----------
    endpoint
        What the body answers.
    venue, url
        Who sent it, and what was asked exactly.

    Raises
    ------
    msgspec.ValidationError
        If what cannot be read is not a row, or too many rows are.
    """
    noted = _left_out.get()
    lost: list[str] = []
    while True:
        try:
            value = endpoint.decode(body)
        except msgspec.ValidationError as error:
            place = _place_of_row(str(error), endpoint)
            if noted is None or place is None or len(lost) == MOST_LEFT_OUT:
                raise
            *path, index = place
            rows = _rows(body, path)
            seen = len(lost) + 1
            few = len(rows) + len(lost) <= REMAINDER and endpoint.path in noted.read
            if 2 * seen > len(rows) + len(lost) and not few:
                raise
            lost.append(f"{_name(rows, index)}: {error}")
            for way in endpoint.paired if tuple(path) in endpoint.paired else (tuple(path),):
                body = _without(body, way, index)
            continue
        if noted is not None:
            noted.read.add(endpoint.path)
            if lost:
                what = f"{len(lost)} rows cannot be read and are left out: {'; '.join(lost)}"
                noted.errors.append(ContractError(what, venue=venue, endpoint=url, payload=body))
        return value, body


def _place_of_row(mismatch: str, endpoint: Endpoint[Any]) -> tuple[Any, ...] | None:
    """The way to a list of rows and the index in it; None where no list is on the way.

    The first index of a way is that of a row; in an answer of several parts, that of a part.
    """
    found = _PATH.search(mismatch)
    if found is None or "[...]" in found["path"]:
        return None
    steps: list[str | int] = [
        step["name"] if step["name"] is not None else int(step["index"])
        for step in _STEP.finditer(found["path"])
    ]
    ends = [at for at, step in enumerate(steps) if isinstance(step, int)]
    ends = ends[1:] if get_origin(endpoint.payload) is tuple else ends
    return tuple(steps[: ends[0] + 1]) if ends else None


def _rows(body: bytes, path: Sequence[str | int]) -> list[msgspec.Raw]:
    raw: bytes | msgspec.Raw = body
    for step in path:
        raw = _children(raw, step)[step]
    return msgspec.json.decode(raw, type=list[msgspec.Raw])


def _without(body: bytes | msgspec.Raw, path: Sequence[str | int], index: int) -> bytes:
    """The document without one element of the list at ``path``."""
    if not path:
        rows = msgspec.json.decode(body, type=list[msgspec.Raw])
        return msgspec.json.encode(rows[:index] + rows[index + 1 :])
    step, *further = path
    children = _children(body, step)
    children[step] = msgspec.Raw(_without(children[step], further, index))
    return msgspec.json.encode(children)


def _children(raw: bytes | msgspec.Raw, step: str | int) -> Any:
    kind: Any = dict[str, msgspec.Raw] if isinstance(step, str) else list[msgspec.Raw]
    return msgspec.json.decode(raw, type=kind)


def _name(rows: Sequence[msgspec.Raw], index: int) -> str:
    """What the venue calls the perpetual of a row, or which row it is."""
    try:
        row = msgspec.json.decode(rows[index], type=dict[str, msgspec.Raw])
        named = (row[name] for name in _NAMES if name in row)
        text = msgspec.json.decode(next(named), type=str)
    except (msgspec.DecodeError, StopIteration, RecursionError):
        return f"row {index}"
    return legible(text, _NAME_LENGTH)
