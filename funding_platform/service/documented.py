"""What OpenAPI says of a route: the columns of its answer with their units, and its problems."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from funding_platform.core.tables.schema import Column
from funding_platform.service.formats import ARROW, CSV, JSON, NDJSON, answer_schema, row_schema
from funding_platform.service.problems import MEDIA_TYPE, SCHEMA

_PROBLEMS: Final[Mapping[int, str]] = {
    401: "No key, or none of this service.",
    404: "Nothing of what was asked for is stored.",
    406: "Nothing that is accepted is served.",
    414: "The query is too long.",
    421: "The host that was asked is not this machine, which alone is served.",
    422: "A parameter is wrong; errors names it.",
    429: "The key has asked too fast; Retry-After says when again.",
    503: "What would answer is not there: no lake, no marts, no collector, or it is busy.",
    504: "The question took too long.",
}

_HEADERS: Final[Mapping[str, Any]] = {
    "ETag": {
        "description": "Changes with the versions of lake and board.",
        "schema": {"type": "string"},
    },
    "Age": {
        "description": "Seconds since the answer was written, where it was kept.",
        "schema": {"type": "integer"},
    },
    "Funding-As-Of": {"description": "as_of, for every form.", "schema": {"type": "string"}},
    "Funding-Data-Age-Seconds": {
        "description": "data_age_seconds, for every form.",
        "schema": {"type": "number"},
    },
    "Funding-Source": {"description": "source, for every form.", "schema": {"type": "string"}},
    "Funding-Snapshot": {"description": "snapshot, for every form.", "schema": {"type": "integer"}},
    "Funding-Next-Cursor": {
        "description": "next_cursor, for every form.",
        "schema": {"type": "string"},
    },
}


def problem(text: str) -> dict[str, Any]:
    """Declare an answer that tells of a problem."""
    return {"description": text, "content": {MEDIA_TYPE: {"schema": SCHEMA}}}


def problems(*without: int, also: Mapping[int, str] | None = None) -> dict[int | str, Any]:
    """Declare the problems that any question may meet, but for some."""
    told = {**_PROBLEMS, **(also or {})}
    return {status: problem(text) for status, text in told.items() if status not in without}


def answers(
    columns: Sequence[Column],
    text: str = "The rows.",
    *,
    more: Mapping[str, Any] | None = None,
    single: bool = False,
    optional: Collection[Column] = (),
) -> dict[str, Any]:
    """Declare a route that answers with rows, as keywords of its decorator.

    Parameters
    ----------
    columns
        Of the rows.
    text
        What they are.
    more
        Schemas of what JSON has beside them.
    single
        One row, as a thing and not as a list.
    optional
        Columns that are there only where they were asked for.
    """
    row = row_schema(columns, optional)
    content = {
        JSON: {"schema": answer_schema(row, more, single=single)},
        ARROW: {"schema": {"type": "string", "format": "binary"}},
        CSV: {"schema": {"type": "string"}},
        NDJSON: {"schema": {"type": "array", "items": row}},  # a row is a line
    }
    return {
        "response_class": Response,
        "responses": {
            200: {"description": text, "content": content, "headers": _HEADERS},
            304: {"description": "What If-None-Match names is still good."},
            **problems(),
        },
    }


def tells(schema: Mapping[str, Any], text: str, media_type: str = JSON) -> dict[str, Any]:
    """Declare a route that answers with something else than rows."""
    return {
        "response_class": Response,
        "responses": {
            200: {"description": text, "content": {media_type: {"schema": schema}}},
            **problems(),
        },
    }
