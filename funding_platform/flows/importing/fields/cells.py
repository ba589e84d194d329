"""The cells of a file that someone else wrote, in batches: CSV, JSON or Parquet.

Nothing is interpreted here but the form: text, fields per line, one header.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from funding_platform.flows.errors import DumpError
from funding_platform.flows.importing.files.archives import Member
from funding_platform.flows.importing.files.texts import Part, parts

BATCH_ROWS: Final = 200_000
"""Rows of a Parquet file that are looked at together."""

_DELIMITERS = ",;\t|"

_BILINGUAL = re.compile(r"(?P<name>[\x20-\x2e\x30-\x7e]+)/[^\x00-\x7f].*")
"""A name and its translation, as OKX heads its files: ``funding_rate/资金费率``."""

_UNNAMED = re.compile(r"|Unnamed: \d.*|__index_level_\d+__")
"""What becomes of the index that pandas writes, and of one that it has read back as a column."""

_PREAMBLE_LINES: Final = 20


@dataclass(frozen=True, slots=True)
class Cells:
    """A batch of a file's rows: columns as text or as typed, with the line of each row.

    ``place`` is what ``lines`` counts; ``optional`` names columns that need not be mapped, such as
    what a JSON answer says about itself.
    """

    file: str
    columns: pl.DataFrame
    lines: pl.Series
    place: str = "line"
    optional: frozenset[str] = field(default_factory=frozenset)

    def fault(
        self, message: str, column: str, row: int | None = None, hint: str | None = None
    ) -> DumpError:
        """Return an error at one column, and at one row where it is about one."""
        line = None if row is None else int(self.lines[row])
        return DumpError(self.file, message, line=line, column=column, place=self.place, hint=hint)


def csv_cells(
    member: Member,
    encoding: str | None,
    header: Sequence[str],
    known_header: Callable[[str], bool],
) -> Iterator[Cells]:
    """Yield the rows of a CSV file, each with as many fields as the header.

    Parameters
    ----------
    header
        Names of the columns of a file that has none; by default its first line.
    known_header
        As for ``texts.parts``.

    Raises
    ------
    DumpError
        If it cannot be read, or a line is malformed.
    """
    names, delimiter, rows = list(header), "", 0
    with member.open() as stream:
        for part in parts(member.name, stream, encoding, known_header):
            if not delimiter:
                part, names, delimiter = _headed(member.name, part, names)
            cells = _rows_of(member.name, part, names, delimiter)
            rows += cells.lines.len()
            if cells.lines.len():
                yield cells
    if not names:
        raise DumpError(member.name, "there is no header", line=1)
    if not rows:
        raise DumpError(member.name, "there are no rows", line=1)


def parquet_cells(member: Member, source: IO[bytes] | None = None) -> Iterator[Cells]:
    """Yield the rows of a Parquet file.

    Raises
    ------
    DumpError
        If it cannot be read.
    """
    first = 1
    try:
        with pq.ParquetFile(member.path if source is None else source) as file:
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                columns = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))
                lines = pl.Series(range(first, first + columns.height), dtype=pl.Int64)
                first += columns.height
                if columns.height:
                    yield Cells(member.name, columns, lines, "row")
    except (OSError, pa.ArrowException, pl.exceptions.PolarsError) as error:
        raise DumpError(member.name, f"cannot be read: {error}") from error
    if first == 1:
        raise DumpError(member.name, "there are no rows")


def tidied(name: str) -> str:
    """Return a column's name as it is mapped: without spaces around it, without its translation."""
    match = _BILINGUAL.fullmatch(name.strip())
    return match["name"].strip() if match else name.strip()


def is_unnamed(name: str) -> bool:
    """Tell whether a name is no name, but a place or what a program wrote for one."""
    return bool(_UNNAMED.fullmatch(name)) or name.startswith("column ")


def _headed(file: str, part: Part, told: list[str]) -> tuple[Part, list[str], str]:
    """Split off the header: return the rest of the part, its columns' names, and the delimiter."""
    text = part.text
    lines = text.split(b"\n", _PREAMBLE_LINES)[:_PREAMBLE_LINES]
    skipped = _preamble([line.decode() for line in lines])
    for line in lines[:skipped]:
        text = text[len(line) + 1 :]
    heading = lines[skipped].decode() if skipped < len(lines) else ""
    delimiter = max(_DELIMITERS, key=heading.count)
    first_line = part.first_line + skipped
    if told:
        return Part(text, first_line), told, delimiter
    # The header itself may hold quoted line ends.
    reader = csv.reader(
        io.StringIO(text[: 1 << 16].decode(errors="ignore"), newline=""),
        delimiter=delimiter,
        strict=True,
    )
    try:
        names = [tidied(name) for name in next(reader, [])]
    except csv.Error as error:
        raise DumpError(file, str(error), line=first_line) from error
    if any(_is_time(name) for name in names):
        raise DumpError(
            file,
            "looks like data: there is no header",
            line=first_line,
            hint="name the columns, in their order: --map header=time,rate --map time=time "
            "--map rate=rate",
        )
    names = _named(file, names, first_line)
    for _ in range(reader.line_num):
        text = text.partition(b"\n")[2]
    return Part(text, first_line + reader.line_num), names, delimiter


def _is_time(text: str) -> bool:
    """Tell whether a text is a time rather than the name of a column."""
    return bool(re.fullmatch(r"\d{10,}(\.\d*)?|\d{4}([-./])\d\d\2\d\d.*", text))


def _preamble(lines: list[str]) -> int:
    """Count the lines before the header: blank ones, comments, a title without any delimiter."""
    telling = [number for number, line in enumerate(lines) if line.strip() and line[0] != "#"]
    for number, following in zip(telling, [*telling[1:], None], strict=True):
        line, after = lines[number], "" if following is None else lines[following]
        delimiter = max(_DELIMITERS, key=after.count)
        if delimiter not in line and after.count(delimiter) > 1:
            continue
        return number
    return 0


def _named(file: str, names: list[str], line: int) -> list[str]:
    """Give every column a name of its own; one without is called by its place."""
    named = [name or f"column {number}" for number, name in enumerate(names, 1)]
    if len(named) == 1 and not names[0]:
        raise DumpError(file, "there is no header", line=line)
    for name in named:
        if named.count(name) > 1:
            raise DumpError(file, "is there twice", line=line, column=name)
    return named


def _rows_of(file: str, part: Part, names: list[str], delimiter: str) -> Cells:
    """Read the rows of a part: by Polars where that is sure to be right, else line by line."""
    text = part.text
    if b'"' not in text:
        try:
            frame = pl.read_csv(
                text,
                has_header=False,
                schema=dict.fromkeys(names, pl.String),
                separator=delimiter,
                quote_char=None,
                empty_string_is_null=False,
            )
        except pl.exceptions.PolarsError:
            return _walked(file, part, names, delimiter)
        line_ends = text.count(b"\n") + (not text.endswith(b"\n"))
        # Polars fills up a row that is too short; then the delimiters do not add up.
        expected = frame.height * (len(names) - 1)
        if frame.height == line_ends and text.count(delimiter.encode()) == expected:
            lines = pl.int_range(part.first_line, part.first_line + frame.height, eager=True)
            return Cells(file, frame, lines)
    return _walked(file, part, names, delimiter)


def _walked(file: str, part: Part, names: list[str], delimiter: str) -> Cells:
    """Read the rows of a part line by line, so that a malformed one is named."""
    reader = csv.reader(
        io.StringIO(part.text.decode(), newline=""), delimiter=delimiter, strict=True
    )
    before = part.first_line - 1
    lines: list[int] = []
    rows: list[list[str]] = []
    try:
        for row in reader:
            if len(row) != len(names):
                if not row:  # a blank line
                    continue
                raise DumpError(
                    file,
                    f"{len(row)} fields, the header has {len(names)}",
                    line=before + reader.line_num,
                    column=names[min(len(row), len(names) - 1)],
                )
            lines.append(before + reader.line_num)
            rows.append(row)
    except csv.Error as error:
        raise DumpError(file, str(error), line=before + reader.line_num) from error
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]
    frame = pl.DataFrame(
        [pl.Series(name, values, pl.String) for name, values in zip(names, columns, strict=True)]
    )
    return Cells(file, frame, pl.Series(lines, dtype=pl.Int64))
