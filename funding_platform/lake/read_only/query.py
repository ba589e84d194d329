"""Answering a query that a person wrote, without letting it do anything but read the lake.

The door for whoever brings SQL of others: the command line, a service, a tool. A query runs in a
process of its own that the operating system limits and kills (``child``), behind three walls
(``query_walls``); all that comes back is a table or an error.
"""

import signal
import tempfile
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa
from pydantic import ByteSize, TypeAdapter, ValidationError

from funding_platform.core.errors import FundingError
from funding_platform.lake import errors
from funding_platform.lake.errors import (
    QueryCrashedError,
    QueryError,
    QueryMemoryError,
    QueryRefusedError,
    QueryTimeoutError,
)
from funding_platform.lake.read_only.server import SERVER, Reply
from funding_platform.lake.read_only.walls import LONGEST_STATEMENT
from funding_platform.settings import Settings

LONGEST_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """Caps on one query, kept by the operating system. Sizes as in ``512MiB``."""

    seconds: float = 60.0
    memory: str = "1GiB"
    threads: int = 2
    answer: str = "1GiB"
    """Size of the rows that come back, as Arrow holds them."""
    cpu_seconds: float | None = None
    """Over all threads; what `seconds` give to each of them when left out."""

    def __post_init__(self) -> None:
        for name in ("seconds", "cpu_seconds"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= LONGEST_SECONDS:
                raise QueryError(
                    f"{name} = {value} is not a limit of a query",
                    hint=f"more than 0 and at most {LONGEST_SECONDS:g}",
                )
        if not 1 <= self.threads <= 256:
            raise QueryError(f"threads = {self.threads} is not a limit", hint="1 or more")
        _bytes_of("memory", self.memory)
        _bytes_of("answer", self.answer)


def query(
    sql: str,
    settings: Settings | None = None,
    *,
    limits: QueryLimits | None = None,
) -> pl.DataFrame:
    """Return the answer of one reading statement.

    Blocks until it is there; threads may ask at the same time. What interrupts the waiting kills
    the query.

    Raises
    ------
    QueryRefusedError
        If the text is not exactly one SELECT, or calls a function that is not harmless.
    QueryTimeoutError, QueryMemoryError, QueryTooLargeError
        If it takes more time or memory than the limits leave it, or its answer is larger.
    QueryCrashedError
        If it crashed its process.
    QueryError
        If DuckDB cannot answer it; the message is DuckDB's.
    LakeError
        If the lake cannot be opened.
    """
    settings = settings or Settings()
    limits = limits or QueryLimits()
    with tempfile.TemporaryFile(buffering=0) as rows:
        _raise_what_went_wrong(ask(sql, settings, limits, rows), limits)
        rows.seek(0)
        return _frame(rows.read())


def ask(sql: str, settings: Settings, limits: QueryLimits, rows: BinaryIO) -> Reply:
    """Have a query answered into a file; what becomes of it is in the reply."""
    if len(sql) > LONGEST_STATEMENT:
        raise QueryRefusedError(
            f"the statement has {len(sql):,} characters; at most {LONGEST_STATEMENT:,} are read",
            hint="join with a table of the lake instead of writing values out",
        )
    if "\0" in sql or not _is_unicode(sql):
        raise QueryRefusedError(
            "the statement holds a NUL or half a character", hint="write chr(0) for a NUL"
        )
    request = {
        "sql": sql,
        "settings": settings.lake_stated(),  # over a pipe, and nothing else that is secret
        "limits": {
            "seconds": limits.seconds,
            "cpu_seconds": _cpu_seconds(limits),
            "memory": _bytes_of("memory", limits.memory),
            "answer": _bytes_of("answer", limits.answer),
            "threads": limits.threads,
        },
    }
    return SERVER.ask(request, rows, seconds=settings.lock_timeout_seconds + limits.seconds)


def _is_unicode(sql: str) -> bool:
    """Tell whether a text is all characters: one from an argument in another encoding is not."""
    try:
        sql.encode()
    except UnicodeEncodeError:
        return False
    return True


def _cpu_seconds(limits: QueryLimits) -> float:
    """Return the processor seconds that a query may take.

    Left open, they are so many that the clock stops the query first.
    """
    return limits.cpu_seconds or limits.seconds * limits.threads + 1


def _bytes_of(name: str, size: str) -> int:
    try:
        found = TypeAdapter(ByteSize).validate_python(size)
    except ValidationError as error:
        raise QueryError(f"{name} = {size!r} is not a size", hint="write e.g. 512MiB") from error
    if found <= 0:
        raise QueryError(f"{name} = {size!r} leaves a query nothing", hint="write e.g. 512MiB")
    return int(found)


def _raise_what_went_wrong(reply: Reply, limits: QueryLimits) -> None:
    """Raise what a query's process said, or what the way it ended means."""
    said = reply.said
    if kind := said.get("error"):
        raised: type[FundingError] = getattr(errors, kind)
        raise raised(said["message"] or "", hint=said["hint"])
    if bug := said.get("bug"):
        raise RuntimeError(f"the process of a query failed:\n{bug}")
    match -reply.status:
        case 0:
            return
        case signal.SIGALRM:
            raise QueryTimeoutError(
                f"the query ran for more than {limits.seconds:g} s and was stopped",
                hint="filter by venue and time, or raise --timeout (`QueryLimits.seconds`)",
            )
        case signal.SIGPROF | signal.SIGXCPU:
            raise QueryTimeoutError(
                f"the query took more than {_cpu_seconds(limits):g} s of CPU and was stopped",
                hint="filter by venue and time",
            )
        case signal.SIGABRT:  # C++ that gets no memory where it cannot say so
            raise QueryMemoryError(
                f"the query needed more than {limits.memory} and was stopped",
                hint="filter by venue and time, aggregate, or select fewer columns",
            )
    how = signal.strsignal(-reply.status) if reply.status < 0 else f"exit status {reply.status}"
    raise QueryCrashedError(
        f"the query crashed the process that answered it ({how}); nothing else was harmed",
        hint="write it in a simpler way: less deeply nested, shorter texts",
    )


def _frame(stream: bytes) -> pl.DataFrame:
    """Read an Arrow stream as DuckDB itself would hand it to Polars, and intervals as durations."""
    table = pa.ipc.open_stream(stream).read_all()
    names = _distinct(table.column_names)
    columns = [
        _durations(name, column) if column.type == _INTERVAL else column
        for name, column in zip(names, table.columns, strict=True)
    ]
    for name, column in zip(names, columns, strict=True):
        if not _fits(column.type):
            raise QueryError(
                f"column {name} is of a type that a table has no place for: {column.type}",
                hint=f'cast it in the query: "{name}"::VARCHAR',
            )
    return pl.DataFrame(pl.from_arrow(pa.table(columns, names=names)))


def _fits(kind: pa.DataType) -> bool:
    """Tell whether Polars has the type, down to what it is nested of."""
    if pa.types.is_union(kind) or kind == _INTERVAL:
        return False
    return all(_fits(kind.field(n).type) for n in range(kind.num_fields))


def _distinct(names: list[str]) -> list[str]:
    """Tell repeated column names apart by numbers: whatever their case, as DuckDB does."""
    uses: dict[str, int] = {}
    found = []
    for name in names:
        candidate = name
        while candidate.lower() in uses:
            uses[name.lower()] += 1
            candidate = f"{name}_{uses[name.lower()]}"
        uses[candidate.lower()] = 0
        found.append(candidate)
    return found


_INTERVAL = pa.month_day_nano_interval()
_PARTS = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])
_DAY_US = 86_400 * 10**6


def _durations(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Turn intervals into durations: the lake's times are UTC, where each day has 24 hours."""
    chunks = []
    for chunk in column.chunks:
        valid = chunk.is_valid().to_numpy(zero_copy_only=False)
        parts = np.frombuffer(chunk.buffers()[1], _PARTS)[chunk.offset :][: len(chunk)]
        if (parts["months"][valid] != 0).any():
            raise QueryError(
                f"column {name} is an INTERVAL of months, whose length depends on which months",
                hint=f'select "{name}"::VARCHAR, or subtract times instead of adding months',
            )
        microseconds = parts["days"].astype("i8") * _DAY_US + parts["nanoseconds"] // 1000
        chunks.append(pa.array(microseconds, mask=~valid).cast(pa.duration("us")))
    return pa.chunked_array(chunks, pa.duration("us"))
