"""What a venue declares about one call: path, weight, answer type, and where errors hide.

A declaration does nothing by itself; ``http`` sends it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from typing import Any, Generic, Literal, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from funding_platform.venues.errors import RequestError, ServerError, VenueError
from funding_platform.venues.limits import Budget
from funding_platform.venues.payloads import decoder_of

T = TypeVar("T")
Params = Mapping[str, str | int]
"""Parameters of a call: a query, or the fields of a JSON body."""


class Refusal(NamedTuple):
    """What a body says in place of data."""

    kind: type[VenueError]
    message: str
    hint: str | None = None


RefusalHook = Callable[[int, bytes], Refusal | None]
"""Finds a refusal in a body, given the HTTP status; None where there is none."""


class ErrorCodes:
    """Finds the error code that a JSON object carries beside or in place of its data.

    Parameters
    ----------
    code, message
        Names of the two fields.
    success
        The code of a good answer; None where good answers carry no code, so that only those with
        an HTTP error status are searched.
    meanings
        Codes with a meaning of their own; others are a ``RequestError``, or with HTTP 5xx a
        ``ServerError``.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        success: str | int | None = None,
        meanings: Mapping[str | int, type[VenueError]],
    ) -> None:
        fields: list[tuple[str, Any, Any]] = [
            ("code", str | int | None, msgspec.field(name=code, default=None)),
            ("message", Any, msgspec.field(name=message, default=None)),
        ]
        self._decoder = msgspec.json.Decoder(msgspec.defstruct("Status", fields))
        self._success = success
        self._meanings = meanings

    def __call__(self, status: int, body: bytes) -> Refusal | None:
        """The refusal in ``body``, if there is one."""
        if status < 400 and self._success is None:
            return None
        try:
            answer: Any = self._decoder.decode(body)
        except msgspec.DecodeError:
            return None  # not an object of this shape: left to the status and the full decoding
        if answer.code is None or answer.code == self._success:
            return None
        default = ServerError if status >= 500 else RequestError
        return Refusal(
            self._meanings.get(answer.code, default), f"error {answer.code}: {answer.message}"
        )


@dataclass(frozen=True)
class Endpoint(Generic[T]):
    """One call of a venue: where, what it weighs, and the type of its answer.

    Parameters
    ----------
    path
        Path below the base URL. A ``{name}`` in it stands for the parameter of that name.
    payload
        The answer's type, for msgspec.
    weight
        What one call costs of its budget.
    budget
        The budget it counts against; None for the venue's own.
    method
        Parameters of a POST travel as a JSON body, those of a GET in the query.
    host
        Another host of the venue that serves the call; None for its main one.
    """

    path: str
    payload: type[T]
    weight: float = 1
    budget: Budget | None = None
    method: Literal["GET", "POST"] = "GET"
    host: str | None = None

    def locate(self, params: Params) -> tuple[str, Params]:
        """The path with its ``{name}`` parts filled in, and the parameters that remain."""
        parts = {name: quote(str(params[name]), safe="") for name in self._placeholders}
        remaining = {name: value for name, value in params.items() if name not in parts}
        return self.path.format_map(parts), remaining

    @cached_property
    def _placeholders(self) -> frozenset[str]:
        return frozenset(name for _, name, _, _ in Formatter().parse(self.path) if name)

    @cached_property
    def decoder(self) -> "msgspec.json.Decoder[T]":
        """Decodes an answer into ``payload``."""
        return decoder_of(self.payload)
