"""What a venue declares about one call: path, weight, answer type, and where errors hide.

A declaration does nothing by itself; ``http`` sends it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from types import UnionType
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from funding_platform.core.plain_text import MESSAGE_LENGTH
from funding_platform.venues.errors import (
    ContractError,
    RequestError,
    ServerError,
    UnknownSymbolError,
    VenueError,
)
from funding_platform.venues.parsing.payloads import decoder_of
from funding_platform.venues.rest.limits import Budget

T = TypeVar("T")
Params = Mapping[str, str | int | Mapping[str, str | int]]
"""Parameters of a call: a query, or the fields of a JSON body, of which one may be an object."""


class Refusal(NamedTuple):
    """What a body says in place of data."""

    kind: type[VenueError]
    message: str
    hint: str | None = None


_NOTHING: Final = msgspec.Raw(b"null")

RefusalHook = Callable[[int, bytes], Refusal | None]
"""Finds a refusal in a body, given the HTTP status; None where there is none."""


class ErrorCodes:
    """Finds the error code that a JSON object carries beside or in place of its data.

    Parameters
    ----------
    code, message
        Names of the two fields.
    success
        The code of a good answer, which none may lack; None where good answers carry no code, so
        that only those with an HTTP error status are searched.
    meanings
        Codes with a meaning of their own; others are a ``RequestError``, or with HTTP 5xx a
        ``ServerError``.
    within
        Name of the object that holds the two, where they lie deeper. It stands in place of data,
        so that its presence alone tells an error, whatever the HTTP status.
    details
        Name of a field beside the message that says more.
    symbol_spelled
        How the message, or the details, of a declined request speak of its symbol: those that do
        are an ``UnknownSymbolError``. For venues with one code for all bad parameters.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        success: str | int | None = None,
        meanings: Mapping[str | int, type[VenueError]],
        within: str | None = None,
        details: str = "details",
        symbol_spelled: str | None = None,
    ) -> None:
        status = msgspec.defstruct(
            "Status",
            [
                ("code", str | int | None, msgspec.field(name=code, default=None)),
                # As they came: what they hold is nobody's contract, and may be of any size.
                ("message", msgspec.Raw, msgspec.field(name=message, default=_NOTHING)),
                ("details", msgspec.Raw, msgspec.field(name=details, default=_NOTHING)),
            ],
        )
        self._decode = _decoding(status, within)
        self._code = code
        self._success = success
        self._meanings = meanings
        self._always = within is not None or success is not None
        self._symbol_spelled = symbol_spelled

    def __call__(self, status: int, body: bytes) -> Refusal | None:
        """Find the refusal in ``body``, if there is one."""
        if status < 400 and not self._always:
            return None
        try:
            answer = self._decode(body)
        except msgspec.ValidationError:
            return self._no_code(status)
        except (msgspec.DecodeError, RecursionError):
            return None  # no JSON: left to the status and the full decoding
        if answer.code is None:
            return self._no_code(status)
        if answer.code == self._success:
            return None
        kind = self._meanings.get(answer.code, ServerError if status >= 500 else RequestError)
        message, details = _as_text(answer.message), _as_text(answer.details)
        if kind is RequestError and self._names_the_symbol(f"{message} {details}"):
            kind = UnknownSymbolError
        return Refusal(kind, f"error {answer.code}: {message}")

    def _no_code(self, status: int) -> Refusal | None:
        if self._success is None or status >= 400:
            return None
        return Refusal(ContractError, f"no {self._code} of {self._success!r} beside the data")

    def _names_the_symbol(self, said: str) -> bool:
        return self._symbol_spelled is not None and self._symbol_spelled in said.lower()


@dataclass(frozen=True)
class Endpoint(Generic[T]):
    """One call of a venue: where, what it weighs, and the type of its answer.

    Parameters
    ----------
    path
        Path below the base URL. A ``{name}`` in it stands for the parameter of that name.
    payload
        The answer's type, for msgspec; a union is said once more, as in ``Endpoint[A | B](...)``.
    within
        Name of the field that holds the payload, where the venue wraps it up; with dots where it
        does so more than once. None where the payload is the whole answer.
    sole
        Whether the payload is the one element of a list.
    weight
        What one call costs of its budget.
    budget
        The budget it counts against; None for the venue's own.
    method
        Parameters of a POST travel as a JSON body, those of a GET in the query.
    paired
        Ways to lists whose rows belong together by their position: where a row of one cannot be
        read, its twin is left out with it.
    host
        Another host of the venue that serves the call; None for its main one.
    repeatable
        Whether a call that fails may be sent again; one that changes something may not, because
        nobody knows whether it has.
    """

    path: str
    payload: type[T] | UnionType
    within: str | None = None
    sole: bool = False
    weight: float = 1
    budget: Budget | None = None
    method: Literal["GET", "POST"] = "GET"
    host: str | None = None
    paired: tuple[tuple[str | int, ...], ...] = ()
    repeatable: bool = True

    def locate(self, params: Params) -> tuple[str, Params]:
        """Fill in the ``{name}`` parts of the path; return it and the parameters that remain."""
        parts = {name: quote(str(params[name]), safe="") for name in self._placeholders}
        remaining = {name: value for name, value in params.items() if name not in parts}
        return self.path.format_map(parts), remaining

    @cached_property
    def envelope(self) -> tuple[str, ...]:
        """Names of the fields around the payload."""
        return tuple(self.within.split(".")) if self.within else ()

    @cached_property
    def _placeholders(self) -> frozenset[str]:
        return frozenset(name for _, name, _, _ in Formatter().parse(self.path) if name)

    @cached_property
    def decode(self) -> Callable[[bytes | str], T]:
        """Decodes an answer into ``payload``."""
        if not self.sole:
            return _decoding(self.payload, self.within)
        decode_list = _decoding(tuple[self.payload], self.within)  # type: ignore[name-defined]
        return lambda body: decode_list(body)[0]


def _as_text(said: msgspec.Raw) -> str:
    """Spell what an answer says; the head of it as it came where it is long or nested."""
    raw = bytes(memoryview(said)[: 4 * MESSAGE_LENGTH])
    try:
        return str(msgspec.json.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return raw.decode(errors="replace")


def _decoding(payload: Any, within: str | None) -> Callable[[bytes | str], Any]:
    """Make the decoder of a body's payload, which may lie inside objects."""
    path = within.split(".") if within else []
    for name in reversed(path):
        payload = msgspec.defstruct("Answer", [("within", payload, msgspec.field(name=name))])
    decoder = decoder_of(payload)

    def decode(body: bytes | str) -> Any:
        answer = decoder.decode(body)
        for _ in path:
            answer = answer.within
        return answer

    return decode
