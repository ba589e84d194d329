"""What every check gives, and how it asks; no check itself."""

from dataclasses import dataclass, field
from typing import Any

from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict, in words, with its figures."""

    passed: bool
    verdict: str
    figures: dict[str, object] = field(default_factory=dict)


def one_row(
    lake: DuckDBPyConnection, sql: str, parameters: list[object] | dict[str, object] | None = None
) -> tuple[Any, ...]:
    """Return the one row of an aggregate."""
    row = lake.execute(sql, parameters or {}).fetchone()
    assert row is not None
    return tuple(row)
