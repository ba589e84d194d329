"""What went wrong, as RFC 9457 has it: a status, a title, what happened, and what to do.

``errors`` names each parameter that is at fault. Nothing of the inside is told: of a bug there is
only the id under which the log has it.
"""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from funding_platform.core.errors import FundingError
from funding_platform.core.validation_errors import did_you_mean

_LOG = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"

STATUSES: Final[Mapping[str, HTTPStatus]] = {
    "NothingStoredError": HTTPStatus.NOT_FOUND,
    "UnknownVenueError": HTTPStatus.NOT_FOUND,
    "UnknownRunError": HTTPStatus.NOT_FOUND,
    "UnknownChoiceError": HTTPStatus.UNPROCESSABLE_ENTITY,
    "FilterError": HTTPStatus.UNPROCESSABLE_ENTITY,
    "SeveralAssetsError": HTTPStatus.UNPROCESSABLE_ENTITY,
    "FeeError": HTTPStatus.UNPROCESSABLE_ENTITY,
    "VenueError": HTTPStatus.UNPROCESSABLE_ENTITY,
    "FlowError": HTTPStatus.UNPROCESSABLE_ENTITY,
    "NotBuiltError": HTTPStatus.SERVICE_UNAVAILABLE,
    "NotLiveError": HTTPStatus.SERVICE_UNAVAILABLE,
    "NoOpportunitiesError": HTTPStatus.SERVICE_UNAVAILABLE,
    "LakeError": HTTPStatus.SERVICE_UNAVAILABLE,
    "AlertStateError": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""What an error of the platform is on the wire, by its name or that of the nearest of its parents.

By names, because the lake and the venues, which some of them are of, are not known here.
"""

_WHERE: Final = "the parameters and their units are in /api/v1/openapi.json and docs/service.md"

_FIELD: Final = re.compile(r"^([a-z_0-9]+): (.+)$", re.S)
"""Errors that are about one field begin with it."""


class ProblemError(FundingError):
    """A request that cannot be answered.

    Parameters
    ----------
    status
        Of the answer.
    message, hint
        What is wrong, and what to do.
    fields
        What is wrong with which parameter.
    headers
        Of the answer.
    """

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        *,
        hint: str | None = None,
        fields: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.fields = fields
        self.headers = headers or {}


def wrong_field(field: str, message: str, *, hint: str = _WHERE) -> ProblemError:
    """Return the problem that one parameter is wrong."""
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"{field}: {message}",
        hint=hint,
        fields=[(field, message)],
    )


def problem_of(error: FundingError) -> ProblemError:
    """Say an error of the platform as a problem."""
    if isinstance(error, ProblemError):
        return error
    named = (STATUSES[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in STATUSES)
    status = next(named, HTTPStatus.INTERNAL_SERVER_ERROR)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        _LOG.error("a question failed: %s", error)
    found = _FIELD.match(error.message.split("is not valid: ")[-1])
    fields = [(found[1], found[2])] if found else []
    return ProblemError(status, error.message, hint=error.hint, fields=fields)


def problem_of_request(error: RequestValidationError, known: Iterable[str]) -> ProblemError:
    """Say what is wrong with the parameters of a request.

    Parameters
    ----------
    known
        The parameters that there are.
    """
    fields = [_fault(fault, known) for fault in error.errors()]
    return ProblemError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "; ".join(f"{field}: {message}" for field, message in fields),
        hint=_WHERE,
        fields=fields,
    )


def _fault(fault: Any, known: Iterable[str]) -> tuple[str, str]:
    place = [str(part) for part in fault["loc"][1:]] or [str(fault["loc"][0])]
    if fault["type"] == "extra_forbidden":
        return place[0], f"there is no such parameter{did_you_mean(place[0], known)}"
    if fault["type"] == "missing":
        return ".".join(place), "is required"
    message = str(fault["msg"]).removeprefix("Value error, ")
    return ".".join(place), f"{message[:1].lower()}{message[1:]}"


def problem_body(problem: ProblemError, request_id: str | None = None) -> bytes:
    """Write a problem as JSON."""
    status = problem.status
    told: dict[str, Any] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": problem.message,
    }
    if problem.hint:
        told["hint"] = problem.hint
    if problem.fields:
        told["errors"] = [{"field": name, "message": text} for name, text in problem.fields]
    if request_id:
        told["request_id"] = request_id
    return msgspec.json.encode(told)


def problem_response(problem: ProblemError, request_id: str | None = None) -> Response:
    """Return the answer that tells of a problem."""
    return Response(
        problem_body(problem, request_id),
        status_code=int(problem.status),
        headers={"Cache-Control": "no-store", **problem.headers},
        media_type=MEDIA_TYPE,
    )


SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened, and to what."},
        "hint": {"type": "string", "description": "What to do about it."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
            "description": "The parameters at fault.",
        },
        "request_id": {"type": "string", "description": "The id under which the log has it."},
    },
}
"""A problem, as JSON Schema."""
