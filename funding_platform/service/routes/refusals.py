"""What is answered where a route has no answer: every error as a problem."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from funding_platform.core.errors import FundingError
from funding_platform.service.access.callers import caller_of
from funding_platform.service.problems import (
    ProblemError,
    problem_of,
    problem_of_request,
    problem_response,
)

_METHODS: Final = ("GET", "POST", "PUT", "DELETE")


def explain_errors(app: FastAPI) -> None:
    """Have every error answered as a problem."""
    app.add_exception_handler(FundingError, _of_platform)
    app.add_exception_handler(RequestValidationError, _of_parameters)
    app.add_exception_handler(HTTPException, _of_routing)
    app.add_exception_handler(Exception, _of_bugs)


async def _of_platform(request: Request, error: Exception) -> Response:
    assert isinstance(error, FundingError)
    return problem_response(problem_of(error), _id_of(request))


async def _of_parameters(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem_response(problem_of_request(error, _known(request)), _id_of(request))


async def _of_routing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    hint, headers = "/api/v1/openapi.json lists what can be asked", error.headers
    if status is HTTPStatus.BAD_REQUEST:  # FastAPI could not decode the body
        hint = "the body has to be JSON in UTF-8"
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {"Allow": ", ".join(_allowed(request))}
    detail = f"{request.method} {request.url.path}: {status.phrase.lower()}"
    told = ProblemError(status, detail, hint=hint, headers=headers)
    return problem_response(told, _id_of(request))


async def _of_bugs(request: Request, error: Exception) -> Response:
    told = ProblemError(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "this is a bug in funding-platform",
        hint="the log has it under this request's id; please report that",
    )
    return problem_response(told, _id_of(request))


def _allowed(request: Request) -> list[str]:
    """Return all methods that a path has: each of its routes knows its own alone."""
    scope, routes = request.scope, request.app.routes
    return [
        method
        for method in _METHODS
        if any(one.matches({**scope, "method": method})[0] is Match.FULL for one in routes)
    ]


def _id_of(request: Request) -> str:
    return caller_of(request.scope).request_id


def _known(request: Request) -> list[str]:
    """Return the names of the parameters that the route of a request has."""
    route: Any = request.scope.get("route")
    dependant = getattr(route, "dependant", None)
    fields = [] if dependant is None else dependant.query_params
    models = [getattr(field.field_info, "annotation", None) for field in fields]
    return [name for model in models for name in getattr(model, "model_fields", {})]
