"""What the process of one query does: take its limits, look at the statement, answer it.

What is asked and what is answered are JSON; the answer's rows go into a file as an Arrow stream.
"""

import resource
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa

from funding_platform.core.errors import FundingError
from funding_platform.lake.connection import connect
from funding_platform.lake.errors import QueryError, QueryMemoryError, QueryTooLargeError
from funding_platform.lake.read_only.walls import lock_down, refuse_unless_reading
from funding_platform.settings import Settings

_ROWS_AT_ONCE = 10_240
_LONGEST_MESSAGE = 8_000
"""Characters: DuckDB repeats the line of the statement that it complains of."""

_OUT_OF_MEMORY = "Out of Memory Error"


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """What the process of one query may use, in the units of the operating system."""

    seconds: float
    cpu_seconds: float
    memory: int
    answer: int
    threads: int


def answer(request: dict[str, Any], rows: BinaryIO) -> dict[str, str | None]:
    """Answer a request into a file, and tell what went wrong, if anything did.

    Returns
    -------
    dict
        Empty where the rows are in the file; ``error`` (a name in ``lake/errors.py``), ``message``
        and ``hint`` where the query could not be answered; ``bug`` with a traceback where the
        platform itself failed.
    """
    try:
        _answer(
            request["sql"], Settings(**request["settings"]), ChildLimits(**request["limits"]), rows
        )
    except FundingError as error:
        kind = type(error).__name__
        return {"error": kind, "message": error.message[:_LONGEST_MESSAGE], "hint": error.hint}
    except Exception:  # noqa: BLE001 - shown by the caller, to whom this process is invisible
        return {"bug": traceback.format_exc()}
    return {}


def _answer(sql: str, settings: Settings, limits: ChildLimits, rows: BinaryIO) -> None:
    try:
        with duckdb.connect(config={"threads": 1}) as parser:
            _take(limits)
            refuse_unless_reading(parser, sql)
        with _opened(settings, limits) as connection:
            _take(limits)
            _write(connection.execute(sql).to_arrow_reader(_ROWS_AT_ONCE), rows, limits.answer)
    except (duckdb.Error, pa.ArrowException, OSError, MemoryError) as error:
        raise _explained(error, limits) from error


def _explained(error: Exception, limits: ChildLimits) -> QueryError:
    """Return the error for what stopped a query.

    What fails between two batches, Arrow raises with DuckDB's message.
    """
    memory = (MemoryError, duckdb.OutOfMemoryException, pa.ArrowMemoryError)
    if isinstance(error, memory) or _OUT_OF_MEMORY in str(error):
        return QueryMemoryError(
            f"the query needed more than {limits.memory / 2**20:,.0f} MiB and was stopped",
            hint="filter by venue and time, aggregate, or select fewer columns",
        )
    return QueryError(f"the query failed: {error}")


def _opened(settings: Settings, limits: ChildLimits) -> duckdb.DuckDBPyConnection:
    """Open the lake behind its walls; what that takes is not the query's to answer for."""
    _allow(resource.RLIMIT_AS, resource.RLIM_INFINITY)
    _allow(resource.RLIMIT_CPU, resource.RLIM_INFINITY)
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.setitimer(signal.ITIMER_REAL, settings.lock_timeout_seconds + limits.seconds)
    connection = connect(settings)
    lock_down(connection, settings, memory=limits.memory, threads=limits.threads)
    connection.execute("SELECT 1").to_arrow_reader().read_all()  # maps what any answer needs
    return connection


def _write(reader: pa.RecordBatchReader, rows: BinaryIO, most: int) -> None:
    """Write an answer as long as it is not larger than it may be."""
    with pa.ipc.new_stream(rows, reader.schema) as stream:
        for batch in reader:
            stream.write_batch(batch)
            if rows.tell() > most:
                raise QueryTooLargeError(
                    f"the answer is larger than {most / 2**20:,.4g} MiB",
                    hint="take it in parts (WHERE on time or venue, or ORDER BY with LIMIT and "
                    "OFFSET), aggregate, or select fewer columns",
                )


def _take(limits: ChildLimits) -> None:
    """Limit this process from now on, by means that no statement can undo.

    DuckDB's own are not enough: what its scalar functions allocate counts against no memory limit,
    and none of them looks whether it was interrupted. Address space is counted from what is mapped
    by now, which differs between machines: libraries, stacks, reserves of the allocators.
    """
    _allow(resource.RLIMIT_CORE, 0)
    if sys.platform == "linux":  # elsewhere the kernel does not enforce it
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _allow(resource.RLIMIT_AS, pages * resource.getpagesize() + limits.memory)
    # The timer is exact; the limit, in whole seconds, is there for whatever undoes a timer.
    signal.setitimer(signal.ITIMER_PROF, limits.cpu_seconds)
    _allow(resource.RLIMIT_CPU, ceil(time.process_time() + limits.cpu_seconds) + 1)
    signal.setitimer(signal.ITIMER_REAL, limits.seconds)


def _allow(which: int, value: int) -> None:
    """Set a soft limit, as far as the hard one of this machine goes."""
    _, most = resource.getrlimit(which)
    unlimited = resource.RLIM_INFINITY
    if most != unlimited:
        value = most if value == unlimited else min(value, most)
    resource.setrlimit(which, (value, most))
