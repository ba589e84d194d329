"""The names of a file's columns, seen before it is read; a text that is JSON is read for them."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from funding_platform.flows.errors import ImportRefusedError
from funding_platform.flows.importing.fields.cells import tidied
from funding_platform.flows.importing.files.archives import Member
from funding_platform.flows.importing.files.json_cells import json_cells, line_cells

_HEAD_BYTES: Final = 1 << 16

KLINE_COLUMNS: Final = (
    *("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume"),
    *("count", "taker_buy_volume", "taker_buy_quote_volume", "ignore"),
)
"""What Binance heads the rows of a kline file with, where it heads them at all."""

METATRADER_COLUMNS: Final = ("mt4_date", "mt4_time", "open", "high", "low", "close", "volume")
"""What the rows of Bybit's bars for MetaTrader are called here: its files have no header."""

_HEADLESS: Final = {
    re.compile(r"\d{13,16}(,-?[\d.]+([eE]-?\d+)?){5},\d{13,16}(,-?[\d.]+([eE]-?\d+)?){5}"): (
        KLINE_COLUMNS
    ),
    re.compile(r"\d{4}\.\d\d\.\d\d,\d\d:\d\d(,[\d.]+){5}"): METATRADER_COLUMNS,
    re.compile(r"\d{4}\.\d\d\.\d\d,\d\d:\d\d(,[\d.]+){6}"): (*METATRADER_COLUMNS, "ticks"),
}
"""The columns of layouts that are known by what their first row looks like."""


def columns_of(member: Member, told: Sequence[str] = ()) -> list[str]:
    """Return the names of the columns, as far as they can be seen.

    What cannot be read has none: reading it says why.

    Parameters
    ----------
    told
        Their names, where the file has no header.
    """
    if member.form == "parquet":
        return [] if member.inside is not None else _parquet_columns(member)
    if member.form != "csv":
        return _json_columns(member, told)
    line = _first_line(member)
    if told or (known := _headless(line)):
        return list(told or known)
    delimiter = max(",;\t|", key=line.count)
    return [tidied(name) for name in next(csv.reader(io.StringIO(line), delimiter=delimiter), [])]


def header_told(told: Sequence[str], member: Member) -> list[str]:
    """Name the columns of a file without a header: as told, or as its layout has them."""
    if told or member.form != "csv":
        return list(told)
    return list(_headless(_first_line(member)))


def _headless(line: str) -> Sequence[str]:
    """Return the columns of a layout without a header that a row is of; none of any other row."""
    row = line.strip()
    return next((names for form, names in _HEADLESS.items() if form.fullmatch(row)), ())


def _parquet_columns(member: Member) -> list[str]:
    try:
        return list(pq.read_schema(member.path).names)
    except (OSError, pa.ArrowException):
        return []


def _json_columns(member: Member, told: Sequence[str]) -> list[str]:
    """Return the names of the fields of the first rows."""
    read = json_cells if member.form == "json" else line_cells
    try:
        return next(read(member, told)).columns.columns
    except ImportRefusedError:
        return []


def _first_line(member: Member) -> str:
    with member.open() as stream:
        head = stream.read(_HEAD_BYTES)
    lines = head.decode("utf-8-sig", "replace").splitlines()
    return next((line for line in lines if line.strip() and line[0] != "#"), "")
