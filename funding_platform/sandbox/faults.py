"""Faults that the sandbox commits on request, and the plan that says when.

A fault is declared as JSON or as a model, ``{"kind": "status", "status": 429, "venue": "okx"}``,
and meets the requests whose venue and path it names: every one, the first ``count``, or each with
a ``probability`` drawn from its own seeded generator. Several faults may meet one request.

On a stream they meet the handshake, whose path is the endpoint, and every frame of data, whose
endpoint is the path, ``#`` and the topic: ``/v5/public/linear#tickers.BTCUSDT``.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from funding_platform.core.trading import RejectReason
from funding_platform.core.validation_errors import raise_as
from funding_platform.sandbox.errors import SandboxError


class _Fault(BaseModel):
    """Where and how often a fault strikes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    venue: str | None = Field(default=None, description="The venue it strikes; all by default.")
    path: str = Field(
        default="/",
        pattern="^/",
        description="Prefix of the endpoint below the venue, e.g. /fapi/v1/fundingRate or "
        "/info#fundingHistory.",
    )
    count: int | None = Field(default=None, ge=1, description="How many requests it strikes.")
    probability: float = Field(default=1.0, gt=0, le=1, description="Chance per request.")
    seed: int = Field(default=0, description="Seed of the draws for the probability.")


class Latency(_Fault):
    """Answer late by ``seconds``, or by anything up to ``up_to_seconds``."""

    kind: Literal["latency"] = "latency"
    seconds: float = Field(ge=0)
    up_to_seconds: float | None = Field(default=None)

    @model_validator(mode="after")
    def _ordered(self) -> "Latency":
        if self.up_to_seconds is not None and self.up_to_seconds < self.seconds:
            raise ValueError("up_to_seconds lies below seconds")
        return self

    def drawn(self, luck: random.Random) -> float:
        """Draw how many seconds it lasts this time."""
        longest = self.seconds if self.up_to_seconds is None else self.up_to_seconds
        return luck.uniform(self.seconds, longest)


class Status(_Fault):
    """Answer with an HTTP status and the body that the venue sends with it."""

    kind: Literal["status"] = "status"
    status: int = Field(ge=400, le=599)
    retry_after: int | None = Field(default=None, ge=0, description="Seconds, as Retry-After.")


class Connection(_Fault):
    """Reset the connection, or take the request and never answer."""

    kind: Literal["connection"] = "connection"
    action: Literal["reset", "hang"]


class Body(_Fault):
    """Answer with HTTP 200 and a body that is no JSON, or only half of it."""

    kind: Literal["body"] = "body"
    action: Literal["truncate", "malform", "html"]


class FieldFault(_Fault):
    """Change a field wherever it occurs in the answer: its name, its type, its value or its unit.

    ``hundredfold`` and ``negate`` meet numbers, also those written as text, and ``negate`` turns
    ``long`` into ``short``; ``shift_time`` makes a time eight hours later, ``rescale_time`` turns
    milliseconds into seconds and all else into milliseconds.
    """

    kind: Literal["field"] = "field"
    action: Literal[
        "rename",
        "drop",
        "null",
        "mistype",
        "nan",
        "hundredfold",
        "negate",
        "shift_time",
        "rescale_time",
    ]
    field: str = Field(min_length=1)


class Rows(_Fault):
    """Repeat, reverse or cut off rows of the answer's longest list."""

    kind: Literal["rows"] = "rows"
    action: Literal["duplicate", "reverse", "drop_tail"]
    rows: int = Field(default=1, ge=1, description="How many rows to repeat or cut off.")


class Stream(_Fault):
    """Do to a stream what no answer to a request can suffer.

    ``stale`` lets the topic say no more while its connection lives on, ``duplicate`` sends a frame
    twice and ``reorder`` behind the next one, ``rotate`` ends the connection as the venue does for
    its own reasons; ``delta_first`` sends a change before the snapshot that it is of, and
    ``refuse`` declines a subscription as if the venue did not list it.
    """

    kind: Literal["stream"] = "stream"
    action: Literal["stale", "duplicate", "reorder", "rotate", "delta_first", "refuse"]


class Order(_Fault):
    """Do to an order on paper what no answer to a question can suffer.

    ``reject`` declines it; ``hold`` takes it and fills nothing; ``partial`` fills no more than a
    ``share``; ``duplicate_fill`` reports its fills twice; ``late_fill`` fills nothing until it is
    over, and all of it ``seconds`` later. After ``unanswered``, ``cut`` and ``unavailable`` it has
    had its effect, and the answer is lost: none comes, the connection is reset, it says HTTP 503.
    """

    kind: Literal["order"] = "order"
    action: Literal[
        "reject",
        "hold",
        "partial",
        "duplicate_fill",
        "late_fill",
        "unanswered",
        "cut",
        "unavailable",
    ]
    share: float = Field(default=0.5, ge=0, lt=1, description="Of partial.")
    seconds: float = Field(default=5.0, ge=0, description="Of late_fill.")
    reason: RejectReason = Field(default=RejectReason.OTHER, description="Of reject.")


ON_SUBSCRIBING: Final = ("delta_first", "refuse")
"""The actions of ``Stream`` that meet a subscription; the others meet frames."""

Fault = Annotated[
    Latency | Status | Connection | Body | FieldFault | Rows | Stream | Order,
    Field(discriminator="kind"),
]

FAULTS: TypeAdapter[list[Fault]] = TypeAdapter(list[Fault])


def parse_faults(document: str | bytes) -> list[Fault]:
    """Read faults from a JSON list.

    Raises
    ------
    SandboxError
        If the text is no list of faults; the message names every wrong field.
    """
    with raise_as(
        SandboxError,
        "not a list of faults",
        hint='an example: [{"kind": "status", "status": 429, "venue": "okx", "count": 2}]',
    ):
        return FAULTS.validate_json(document)


def of_answers(fault: Fault) -> bool:
    """Tell whether a fault can meet a request that is answered, or a handshake."""
    return not isinstance(fault, Stream | Order)


def of_orders(fault: Fault) -> bool:
    """Tell whether a fault can meet an order on paper."""
    return isinstance(fault, Order)


def of_frames(fault: Fault) -> bool:
    """Tell whether a fault can meet a frame of a stream."""
    if isinstance(fault, Stream):
        return fault.action not in ON_SUBSCRIBING
    return not isinstance(fault, Status | Order)


@dataclass(slots=True)
class _Armed:
    """A fault, how often it may still strike, and its generator."""

    fault: Fault
    left: int | None
    luck: random.Random


@dataclass(slots=True)
class FaultPlan:
    """The faults in force, in the order they were added."""

    _armed: list[_Armed] = field(default_factory=list)

    @property
    def faults(self) -> list[Fault]:
        """The faults that may still strike."""
        return [armed.fault for armed in self._armed]

    def add(self, faults: list[Fault]) -> None:
        """Put more faults in force."""
        for fault in faults:
            # Seeded by the whole fault, so that two with the same seed do not strike in step.
            luck = random.Random(fault.model_dump_json())  # noqa: S311 (draws must repeat)
            self._armed.append(_Armed(fault, fault.count, luck))

    def clear(self) -> None:
        """Behave."""
        self._armed = []

    def strike(
        self, venue: str, endpoint: str, can: Callable[[Fault], bool] = of_answers
    ) -> list[tuple[Fault, random.Random]]:
        """Return the faults that meet this request, each with its generator.

        Parameters
        ----------
        can
            Whether a fault can meet what is struck; one that cannot is not used up by it.
        """
        struck = [
            armed for armed in self._armed if can(armed.fault) and _meets(armed, venue, endpoint)
        ]
        for armed in struck:
            armed.left = None if armed.left is None else armed.left - 1
        self._armed = [armed for armed in self._armed if armed.left != 0]
        return [(armed.fault, armed.luck) for armed in struck]


def _meets(armed: _Armed, venue: str, endpoint: str) -> bool:
    fault = armed.fault
    if fault.venue not in (None, venue) or not endpoint.startswith(fault.path):
        return False
    return fault.probability == 1.0 or armed.luck.random() < fault.probability
