"""The cells of a file that someone else wrote: CSV, gzipped or zipped, or Parquet.

Nothing is interpreted here but the form: text, fields per line, one header. What is read is
bounded, so that a small archive cannot fill the memory.
"""

import csv
import gzip
import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import polars as pl

from funding_platform.flows.errors import DumpError

MAX_BYTES: Final = 1 << 30
"""The largest file read, once decompressed: some twenty million settlements."""

_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Cells:
    """A file's columns, as text (CSV) or as typed (Parquet), with the line of each row."""

    file: str
    columns: pl.DataFrame
    lines: pl.Series

    def fault(
        self, message: str, column: str, row: int | None = None, hint: str | None = None
    ) -> DumpError:
        """An error at one column, and at one row where it is about one."""
        line = None if row is None else int(self.lines[row])
        return DumpError(self.file, message, line=line, column=column, hint=hint)


def read_cells(path: Path) -> Cells:
    """The cells of one file.

    Raises
    ------
    DumpError
        If it cannot be read as what its name says, is too large, or a line is malformed.
    """
    if path.name.lower().endswith(".parquet"):
        return _parquet(path)
    try:
        file, raw = _decompressed(path)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        raise DumpError(str(path), f"cannot be read: {error}") from error
    try:
        return _csv(file, raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DumpError(file, f"is no UTF-8 text: {error.reason}", line=line) from error


def _decompressed(path: Path) -> tuple[str, bytes]:
    """The file's name, or that of the one inside it, and its bytes."""
    if path.name.lower().endswith(".zip"):
        return _unzipped(path)
    with path.open("rb") as file:
        if not path.name.lower().endswith(".gz"):
            return str(path), _bounded(str(path), file)
        with gzip.open(file) as stream:
            return str(path), _bounded(str(path), stream)


def _unzipped(path: Path) -> tuple[str, bytes]:
    """The one CSV file in an archive."""
    with zipfile.ZipFile(path) as archive:
        members = [name for name in archive.namelist() if name.lower().endswith(".csv")]
        if len(members) != 1:
            raise DumpError(str(path), f"holds {len(members)} CSV files, expected one")
        with archive.open(members[0]) as stream:
            return f"{path}!{members[0]}", _bounded(str(path), stream)


def _bounded(file: str, stream: IO[bytes] | gzip.GzipFile) -> bytes:
    raw = stream.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise DumpError(file, f"holds more than {MAX_BYTES >> 20} MiB", hint="cut it into parts")
    return raw


def _csv(file: str, text: str) -> Cells:
    """The rows of a CSV text, each with as many fields as the header."""
    heading = text.split("\n", 1)[0]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=heading.count), strict=True
    )
    lines: list[int] = []
    rows: list[list[str]] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        for row in reader:
            if len(row) != len(header):
                if not row:  # a blank line at the end
                    continue
                raise DumpError(
                    file,
                    f"{len(row)} fields, the header has {len(header)}",
                    line=reader.line_num,
                    column=header[min(len(row), len(header) - 1)],
                )
            lines.append(reader.line_num)
            rows.append(row)
    except csv.Error as error:
        raise DumpError(file, str(error), line=reader.line_num) from error
    _require_header(file, header)
    if not rows:
        raise DumpError(file, "there are no rows", line=1)
    columns = [
        pl.Series(name, values, pl.String)
        for name, values in zip(header, zip(*rows, strict=True), strict=True)
    ]
    return Cells(file, pl.DataFrame(columns), pl.Series(lines, dtype=pl.Int64))


def _require_header(file: str, header: list[str]) -> None:
    """Every column has a name of its own."""
    for name in header:
        if not name or header.count(name) > 1:
            what = "is there twice" if name else "has no name"
            raise DumpError(file, what, line=1, column=name or str(header.index(name) + 1))
    if not header:
        raise DumpError(file, "there is no header", line=1)


def _parquet(path: Path) -> Cells:
    try:
        columns = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DumpError(str(path), f"cannot be read: {error}") from error
    if columns.is_empty():
        raise DumpError(str(path), "there are no rows")
    return Cells(str(path), columns, pl.Series(range(1, columns.height + 1), dtype=pl.Int64))
