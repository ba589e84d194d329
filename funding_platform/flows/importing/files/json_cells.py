"""JSON as rows: an array of objects, an object of arrays, either within an answer's envelope.

Numbers stay the text that they were written as. What an envelope says of itself (``code``,
``msg``) may be mapped, and need not be.
"""

import json
from collections.abc import Iterator, Sequence
from typing import IO, Any, Final

import polars as pl

from funding_platform.core.parts import in_parts
from funding_platform.flows.errors import DumpError
from funding_platform.flows.importing.fields.cells import BATCH_ROWS, Cells
from funding_platform.flows.importing.files.archives import Member, whole

MAX_JSON_BYTES: Final = 64 << 20
"""A JSON text is read whole, into some ten times its size."""

LONGEST_LINE: Final = 1 << 20

_DEEPEST: Final = 8
"""Levels of an envelope around the rows."""

Row = dict[str, Any]


def json_cells(member: Member, header: Sequence[str]) -> Iterator[Cells]:
    """Yield the rows of one JSON text.

    Parameters
    ----------
    header
        Names for the fields of rows that are arrays.

    Raises
    ------
    DumpError
        If it is not JSON, a key is there twice, or no rows are found in it.
    """
    value = _parsed(member.name, whole(member, MAX_JSON_BYTES))
    rows, envelope = _rows(member.name, value, {}, header, _DEEPEST)
    if not rows:
        raise DumpError(member.name, "there are no rows", line=1, place="row")
    for number, some in enumerate(in_parts(rows, BATCH_ROWS)):
        yield _cells(member.name, some, 1 + number * BATCH_ROWS, "row", envelope)


def line_cells(member: Member, header: Sequence[str]) -> Iterator[Cells]:
    """Yield the rows of a file with one JSON value per line.

    Raises
    ------
    DumpError
        If a line is not JSON, or is not a row.
    """
    rows: list[Row] = []
    lines: list[int] = []
    found = False
    with member.open() as stream:
        for number, line in enumerate(_lines(member.name, stream), 1):
            if not line.strip():
                continue
            value = _parsed(member.name, line, number)
            if isinstance(value, list):
                value = dict(zip(header, value, strict=False)) if header else None
            if not isinstance(value, dict):
                raise DumpError(member.name, "is not a JSON object", line=number)
            rows.append(_flat(value))
            lines.append(number)
            if len(rows) >= BATCH_ROWS:
                yield _cells(member.name, rows, lines, "line", frozenset())
                rows, lines = [], []
            found = True
    if rows:
        yield _cells(member.name, rows, lines, "line", frozenset())
    if not found:
        raise DumpError(member.name, "there are no rows", line=1)


def _lines(file: str, stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while block := stream.read(LONGEST_LINE):
        *complete, rest = (rest + block).split(b"\n")
        yield from complete
        if len(rest) > LONGEST_LINE:
            raise DumpError(file, f"a line is longer than {LONGEST_LINE >> 20} MiB")
    yield rest


def _parsed(file: str, text: bytes, line: int | None = None) -> Any:
    """Parse a JSON text, its numbers left as they are written."""
    try:
        return json.loads(
            text.decode(json.detect_encoding(text)),
            parse_float=str,
            parse_int=str,
            parse_constant=str,
            object_pairs_hook=_unique,
        )
    except RecursionError as error:
        raise DumpError(file, "is nested too deeply", line=line) from error
    except json.JSONDecodeError as error:
        raise DumpError(file, f"is not JSON: {error.msg}", line=line or error.lineno) from error
    except ValueError as error:  # not text, or a key that is there twice
        raise DumpError(file, f"is not JSON: {error}", line=line) from error


def _unique(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice in one object")
    return row


def _rows(
    file: str, value: Any, around: Row, header: Sequence[str], levels: int
) -> tuple[list[Row], frozenset[str]]:
    """Find the rows in a value, and the names that come from what is around them."""
    if isinstance(value, dict) and levels:
        inner = {
            name: part for name, part in value.items() if isinstance(part, dict | list) and part
        }
        lists = [part for part in inner.values() if isinstance(part, list)]
        plain = {name: part for name, part in value.items() if name not in inner}
        if lists and all(not isinstance(one, dict | list) for part in lists for one in part):
            if len({len(part) for part in lists}) > 1:
                sizes = {name: len(part) for name, part in inner.items()}
                raise DumpError(file, f"arrays of different lengths: {sizes}", place="row")
            columns = {name: part for name, part in inner.items() if isinstance(part, list)}
            rows = [dict(zip(columns, one, strict=True)) for one in zip(*lists, strict=True)]
            return [around | plain | row for row in rows], frozenset({*around, *plain})
        objects = [part for part in lists if any(isinstance(one, dict) for one in part)]
        deeper: list[Any] = [*(objects if len(objects) == 1 else inner.values())]
        if len(deeper) == 1:
            return _rows(file, deeper[0], around | plain, header, levels - 1)
        if not inner and plain:
            return [around | plain], frozenset(around)
    if isinstance(value, list):
        if header and value and all(isinstance(one, list) for one in value):
            value = [dict(zip(header, one, strict=False)) for one in value]
        if all(isinstance(one, dict) for one in value):
            return _with_histories(value, around)
    raise DumpError(
        file,
        "no rows are found: neither an array of objects, nor an object of arrays, nor one of these "
        "within other objects",
        place="row",
        hint="rows that are arrays need names: --map header=time,rate; six numbers as of ccxt's "
        "fetchOHLCV: --map table=price_candles --map kind=trade --map time=time "
        "--map header=time,open,high,low,close,volume --map ignore=volume --map venue=... "
        "--map symbol=...",
    )


def _with_histories(objects: list[Row], around: Row) -> tuple[list[Row], frozenset[str]]:
    """Make a row per object, or per element of the one array of objects that each holds."""
    nested = {
        name
        for one in objects
        for name, part in one.items()
        if isinstance(part, list) and part and all(isinstance(row, dict) for row in part)
    }
    if len(nested) != 1:
        return [around | _flat(one) for one in objects], frozenset(around)
    (name,) = nested
    rows = [
        around | _flat({key: part for key, part in one.items() if key != name}) | _flat(row)
        for one in objects
        for row in one.get(name) or []
    ]
    outer = {key for one in objects for key in one if key != name}
    return rows, frozenset({*around, *outer})


def _flat(row: Row, prefix: str = "") -> Row:
    """Flatten a row: what an object in it holds is named by its path, ``info.symbol``."""
    flat: Row = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _cells(
    file: str, rows: Sequence[Row], lines: int | list[int], place: str, optional: frozenset[str]
) -> Cells:
    names = dict.fromkeys(name for row in rows for name in row)
    columns = [pl.Series(name, [_text(row.get(name)) for row in rows], pl.String) for name in names]
    numbers = range(lines, lines + len(rows)) if isinstance(lines, int) else lines
    return Cells(file, pl.DataFrame(columns), pl.Series(numbers, dtype=pl.Int64), place, optional)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
