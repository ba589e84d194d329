"""What the service answers, and what it refuses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx
import polars as pl

from funding_platform.core.errors import FundingError

_AROUND: Final = ("as_of", "data_age_seconds", "source", "snapshot", "next_cursor", "rows", "data")


class ServiceError(FundingError):
    """The service refused a question, or could not answer it.

    Parameters
    ----------
    status
        Of HTTP.
    message, hint
        What happened, and what to do about it, as the service says.
    fields
        What is wrong with which parameter.
    """

    def __init__(
        self, status: int, message: str, *, hint: str | None, fields: Mapping[str, str]
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.fields = fields


class UnreachableError(FundingError):
    """The service cannot be reached, or takes too long."""


@dataclass(frozen=True)
class Answer:
    """Rows with their time, age and version.

    Parameters
    ----------
    data
        The rows; times are text as ISO 8601 has it, absent values None.
    as_of
        The newest instant that they tell of.
    data_age_seconds
        How old that is, the time in caches included.
    source
        ``live`` or ``lake``.
    snapshot
        Version of the lake that was read.
    next_cursor
        Where the next page begins.
    more
        What else the answer has: ``statistics``, ``status``.
    """

    data: Sequence[Mapping[str, Any]]
    as_of: datetime | None
    data_age_seconds: float | None
    source: str
    snapshot: int | None
    next_cursor: str | None
    more: Mapping[str, Any] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def frame(self) -> pl.DataFrame:
        """Return the rows as a frame; columns whose names say so are times."""
        frame = pl.DataFrame(self.data, infer_schema_length=None)
        times = [
            name
            for name, kind in frame.schema.items()
            if kind == pl.String and name.endswith(("_time", "_at", "as_of", "hour", "bucket_end"))
        ]
        return frame.with_columns(
            pl.col(times).str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_zone="UTC", time_unit="us")
        )


def answer_of(response: httpx.Response) -> Answer:
    """Read an answer.

    Raises
    ------
    ServiceError
        If it is a problem.
    """
    if response.status_code != httpx.codes.OK:
        raise problem_of(response)
    told = response.json()
    data, age = told["data"], told["data_age_seconds"]
    as_of = told["as_of"]
    kept = float(response.headers.get("age", 0))
    return Answer(
        data=data if isinstance(data, list) else [data],
        as_of=None if as_of is None else datetime.fromisoformat(as_of),
        data_age_seconds=None if age is None else age + kept,
        source=told["source"],
        snapshot=told["snapshot"],
        next_cursor=told["next_cursor"],
        more={name: value for name, value in told.items() if name not in _AROUND},
    )


def problem_of(response: httpx.Response) -> ServiceError:
    """Read a problem; whatever else answers with an error is told by its status."""
    try:
        told = response.json()
        message = str(told["detail"])
    except (ValueError, KeyError, TypeError):
        told, message = {}, f"{response.url} answered {response.status_code}"
    fields = {one["field"]: one["message"] for one in told.get("errors", ())}
    return ServiceError(response.status_code, message, hint=told.get("hint"), fields=fields)
