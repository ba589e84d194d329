"""The forms that an answer goes out in, and what stands around the rows in each."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final

import msgspec
import polars as pl

from funding_platform.core.tables.schema import Column, Type
from funding_platform.service.problems import ProblemError

JSON: Final = "application/json"
ARROW: Final = "application/vnd.apache.arrow.stream"
CSV: Final = "text/csv"
NDJSON: Final = "application/x-ndjson"

FORMATS: Final = (JSON, ARROW, CSV, NDJSON)

ROWS_AT_ONCE: Final = 5_000
"""Of NDJSON, which is written piece by piece."""


@dataclass(frozen=True)
class Answer:
    """Rows, and what is known of them.

    Parameters
    ----------
    frame
        The rows.
    as_of
        The newest instant that they tell of; None where they are of no time.
    source
        ``live`` (the collector's board) or ``lake``.
    next_cursor
        Where the next page begins; None on the last.
    more
        What JSON has beside the rows: statistics, a remark.
    board
        The version of the board that was asked, if one was.
    single
        One thing, not a list of them.
    """

    frame: pl.DataFrame
    as_of: datetime | None
    source: str = "lake"
    next_cursor: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    board: int | None = None
    single: bool = False


def negotiated(accept: str) -> str:
    """Choose the media type that is wanted most, of those that there are.

    Raises
    ------
    ProblemError
        406, if none of them is wanted.
    """
    if not accept or accept == "*/*":
        return JSON
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept.split(",")):
        name, *parameters = (word.strip().lower() for word in part.split(";"))
        quality = next((_quality(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        found = next((one for one in FORMATS if _matches(name, one)), None)
        if found and quality > 0:
            wanted.append((-quality, place, found))
    if not wanted:
        raise ProblemError(
            HTTPStatus.NOT_ACCEPTABLE,
            f"accept: nothing of {accept[:100]!r} is served",
            hint=f"there are {', '.join(FORMATS)}",
            fields=[("Accept", f"one of {', '.join(FORMATS)}")],
        )
    return min(wanted)[2]


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _matches(wanted: str, offered: str) -> bool:
    kind, _, sub = wanted.partition("/")
    return wanted in ("*/*", offered) or (sub == "*" and offered.startswith(f"{kind}/"))


def envelope(answer: Answer, snapshot: int | None, now: datetime) -> dict[str, Any]:
    """Say what is known of the rows: their time, age, source and version."""
    age = None if answer.as_of is None else max(0.0, (now - answer.as_of).total_seconds())
    return {
        "as_of": answer.as_of,
        "data_age_seconds": age,
        "source": answer.source,
        "snapshot": snapshot,
        "next_cursor": answer.next_cursor,
    }


def encoded(answer: Answer, form: str, around: Mapping[str, Any]) -> bytes:
    """Write an answer in one of ``FORMATS``; absent values stay null, or empty in CSV."""
    return enclosed(answer, form, rows_of(answer, form), around)


def rows_of(answer: Answer, form: str) -> bytes:
    """Write the rows of an answer in one of ``FORMATS``."""
    if form == ARROW:
        buffer = BytesIO()
        answer.frame.write_ipc_stream(buffer)
        return buffer.getvalue()
    if form == CSV:
        return flat(answer.frame).write_csv(datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ").encode()
    if form == NDJSON:
        return b"".join(lines(answer.frame))
    rows = answer.frame.to_dicts()
    return msgspec.json.encode(rows[0] if answer.single else rows)


def enclosed(answer: Answer, form: str, rows: bytes, around: Mapping[str, Any]) -> bytes:
    """Put what is known of the rows around them, where the form has a place for it."""
    if form != JSON:
        return rows
    told: dict[str, Any] = {**around, **answer.more}
    if not answer.single:
        told["rows"] = answer.frame.height
    return msgspec.json.encode({**told, "data": msgspec.Raw(rows)})


def lines(frame: pl.DataFrame) -> Iterator[bytes]:
    """Write rows as NDJSON, some thousand at a time."""
    encoder = msgspec.json.Encoder()
    for part in frame.iter_slices(ROWS_AT_ONCE):
        yield encoder.encode_lines(part.to_dicts())


def flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Join lists by spaces: CSV has no place for a list in a cell."""
    return frame.with_columns(
        pl.col(name).list.join(" ") for name, kind in frame.schema.items() if kind.is_nested()
    )


_JSON_TYPES: Final[Mapping[Type, Mapping[str, Any]]] = {
    Type.TEXT: {"type": "string"},
    Type.REAL: {"type": "number"},
    Type.INTEGER: {"type": "integer"},
    Type.FLAG: {"type": "boolean"},
    Type.TIME: {"type": "string", "format": "date-time"},
    Type.TEXTS: {"type": "array", "items": {"type": "string"}},
    Type.BYTES: {"type": "string", "format": "byte"},
}


def column_schema(column: Column) -> dict[str, Any]:
    """Declare a column as JSON Schema, with its unit in the description."""
    kind = dict(_JSON_TYPES[column.type])
    if column.nullable:
        kind["type"] = [kind["type"], "null"]
    if column.values:
        kind["enum"] = [*column.values, None] if column.nullable else [*column.values]
    return {**kind, "description": column.documentation}


def row_schema(columns: Sequence[Column], optional: Collection[Column] = ()) -> dict[str, Any]:
    """Declare a row as JSON Schema; every field is there, null where it is unknown.

    Parameters
    ----------
    optional
        Those that are there only where they were asked for.
    """
    left_out = {column.name for column in optional}
    return {
        "type": "object",
        "required": [column.name for column in columns if column.name not in left_out],
        "properties": {column.name: column_schema(column) for column in columns},
    }


ENVELOPE: Final[Mapping[str, Any]] = {
    "as_of": {
        "type": ["string", "null"],
        "format": "date-time",
        "description": "The newest instant that the rows tell of; null where they are of no time.",
    },
    "data_age_seconds": {
        "type": ["number", "null"],
        "description": "How old that was when the answer was written. The header Age has the "
        "seconds since. Unit: seconds.",
    },
    "source": {
        "type": "string",
        "enum": ["live", "lake"],
        "description": "Whether the live board or the lake answered.",
    },
    "snapshot": {
        "type": ["integer", "null"],
        "description": "Version of the lake that was read, with which it can be read again; null "
        "where the board alone answered.",
    },
    "next_cursor": {
        "type": ["string", "null"],
        "description": "What to give as cursor for the next page; null on the last.",
    },
}


def answer_schema(
    row: Mapping[str, Any], more: Mapping[str, Any] | None = None, *, single: bool = False
) -> dict[str, Any]:
    """Declare an answer in JSON as JSON Schema, of what declares a row."""
    told = {**ENVELOPE, **(more or {})}
    if single:
        told["data"] = row
    else:
        told["rows"] = {"type": "integer", "description": "Rows in data."}
        told["data"] = {"type": "array", "items": row}
    return {"type": "object", "required": [*told], "properties": told}
