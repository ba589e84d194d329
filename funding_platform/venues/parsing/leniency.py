"""Leaving out the row that is no good, and refusing a list of which most are none.

One blank rate of one symbol is that row's trouble; a field that is renamed is the venue's contract
broken. The rule, declared here and nowhere else: a list whose bad rows are no more than half is
taken without them, and they are named. The remainder of a list of which other pages were read may
be bad altogether, up to ``REMAINDER`` rows. It holds for rows that do not decode (``decode_rows``)
and for those that do and cannot be (``leave_out``).

Rows are looked at one by one only once the whole has failed to decode, so a good answer costs
nothing more.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar, get_origin

import msgspec

from funding_platform.core.plain_text import legible
from funding_platform.venues.errors import ContractError
from funding_platform.venues.parsing.records import OfSymbol
from funding_platform.venues.rest.endpoints import Endpoint

T = TypeVar("T")
R = TypeVar("R", bound=OfSymbol)

Way: TypeAlias = tuple[str | int, ...]
"""The steps from the top of a document to one of its lists."""

MOST_LEFT_OUT: Final = 50
"""Of the rows that do not decode: each costs another decoding of those around it."""

_LOOKS: Final = 16
_FEWEST_AT_A_TIME: Final = 256
"""A list with bad rows is decoded in so many parts, or in parts of so many rows."""

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
_NAMED: Final = 10
"""So many of the rows that were left out for one reason are named."""


@dataclass(slots=True)
class LeftOut:
    """What one question has lost: an error for each answer that was not read whole.

    Parameters
    ----------
    subject
        What was asked about, where the answers may not say so themselves.
    """

    subject: str = ""
    errors: list[ContractError] = field(default_factory=list)
    read: set[str] = field(default_factory=set)


_left_out: ContextVar[LeftOut | None] = ContextVar("left_out", default=None)


@contextmanager
def leaving_out(subject: str = "") -> Iterator[LeftOut]:
    """Let rows be left out inside the block, and in tasks that it starts; outside none is."""
    noted = LeftOut(subject)
    token = _left_out.set(noted)
    try:
        yield noted
    finally:
        _left_out.reset(token)


def most(bad: int, rows: int) -> bool:
    """Return whether so many bad rows are the list's trouble and no longer their own."""
    return 2 * bad > rows


def leave_out(
    complaints: Sequence[str], rows: int, *, is_remainder: bool = False, **where: Any
) -> None:
    """Note what is wrong with rows that the caller leaves out, or with values that it drops.

    Parameters
    ----------
    complaints
        One for each bad row.
    rows
        How many there are, bad ones included.
    is_remainder
        Whether others of the same list were good already.
    where
        As for ``VenueError``.

    Raises
    ------
    ContractError
        If most rows are bad, or nothing may be left out here.
    """
    if not complaints:
        return
    noted, bad = _left_out.get(), len(complaints)
    few = is_remainder and bad <= REMAINDER
    if noted is None or (most(bad, rows) and not few):
        raise ContractError(f"{complaints[0]} ({bad} of {rows} such)", **where)
    named = "; ".join(complaints[:_NAMED]) + ("; ..." if bad > _NAMED else "")
    noted.errors.append(ContractError(f"{bad} of {rows} left out: {named}", **where))


def single_rows(rows: Sequence[R], **where: Any) -> dict[str, R]:
    """Return the rows by symbol: of those that are alike one, of those that differ none.

    Raises
    ------
    ContractError
        As ``leave_out``.
    """
    by_symbol: dict[str, R] = {}
    twice: set[str] = set()
    for row in rows:
        if by_symbol.setdefault(row.venue_symbol, row) != row:
            twice.add(row.venue_symbol)
    told = [f"{legible(symbol, _NAME_LENGTH)} comes more than once" for symbol in sorted(twice)]
    leave_out(told, len(by_symbol), **where)
    return {symbol: row for symbol, row in by_symbol.items() if symbol not in twice}


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
            if noted is None or place is None:
                raise
            path = tuple(place[:-1])
            ways = endpoint.paired if path in endpoint.paired else (path,)
            rows = [_rows(body, way) for way in ways]
            total = len(rows[ways.index(path)])
            bad = _unreadable(endpoint, body, dict(zip(ways, rows, strict=True)), path)
            few = total <= REMAINDER and endpoint.path in noted.read
            if (
                not bad
                or len(lost) + len(bad) > MOST_LEFT_OUT
                or (most(len(bad), total) and not few)
            ):
                raise
            lost += [f"{_name(rows, index)}: {mismatch}" for index, mismatch in bad.items()]
            for way, of_way in zip(ways, rows, strict=True):
                body = _with(body, way, [r for n, r in enumerate(of_way) if n not in bad])
            continue
        if noted is not None:
            noted.read.add(endpoint.path)
            if lost:
                of = f" of the {noted.subject}" if noted.subject else ""
                what = f"{len(lost)} rows{of} cannot be read and are left out: {'; '.join(lost)}"
                noted.errors.append(ContractError(what, venue=venue, endpoint=url, payload=body))
        return value, body


def _unreadable(
    endpoint: Endpoint[Any],
    body: bytes,
    lists: Mapping[Way, Sequence[msgspec.Raw]],
    path: Way,
) -> dict[int, str]:
    """Return the bad rows of the list at ``path``, up to one more than may be left out.

    The body is decoded with some of the rows at a time: one bad row costs another look at those
    among which it is, not at all of them.
    """
    bad: dict[int, str] = {}
    total = len(lists[path])
    at_a_time = max(_FEWEST_AT_A_TIME, -(-total // _LOOKS))
    for first in range(0, total, at_a_time):
        start, end = first, min(first + at_a_time, total)
        while start < end and len(bad) <= MOST_LEFT_OUT:
            some = body
            for way, rows in lists.items():
                some = _with(some, way, rows[start:end])
            try:
                endpoint.decode(some)
            except msgspec.ValidationError as error:
                place = _place_of_row(str(error), endpoint)
                if place is None or tuple(place[:-1]) != path:
                    break  # these rows can be read; what cannot comes after them
                index = start + place[-1]
                bad[index] = str(error).replace(_spelled(place), _spelled((*path, index)))
                start = index + 1
            else:
                break
    return bad


def _place_of_row(mismatch: str, endpoint: Endpoint[Any]) -> tuple[Any, ...] | None:
    """Find the way to a list of rows and the index in it; None where no list is on the way.

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


def _spelled(way: Sequence[str | int]) -> str:
    """Write a way as msgspec does."""
    return "$" + "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in way)


def _rows(body: bytes, path: Way) -> list[msgspec.Raw]:
    raw: bytes | msgspec.Raw = body
    for step in path:
        raw = _children(raw, step)[step]
    return msgspec.json.decode(raw, type=list[msgspec.Raw])


def _with(body: bytes | msgspec.Raw, path: Way, rows: Sequence[msgspec.Raw]) -> bytes:
    """Return the document with other rows in the list at ``path``."""
    if not path:
        return msgspec.json.encode(rows)
    step, *further = path
    children = _children(body, step)
    children[step] = msgspec.Raw(_with(children[step], tuple(further), rows))
    return msgspec.json.encode(children)


def _children(raw: bytes | msgspec.Raw, step: str | int) -> Any:
    kind: Any = dict[str, msgspec.Raw] if isinstance(step, str) else list[msgspec.Raw]
    return msgspec.json.decode(raw, type=kind)


def _name(lists: Sequence[Sequence[msgspec.Raw]], index: int) -> str:
    """Say what the venue calls the perpetual of a row, or of its twins, or else which row it is."""
    for rows in lists:
        try:
            row = msgspec.json.decode(rows[index], type=dict[str, msgspec.Raw])
            named = (row[name] for name in _NAMES if name in row)
            return legible(msgspec.json.decode(next(named), type=str), _NAME_LENGTH)
        except (msgspec.DecodeError, StopIteration, RecursionError, IndexError):
            continue
    return f"row {index}"
