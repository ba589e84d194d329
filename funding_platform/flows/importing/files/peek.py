"""The names of a file's columns, seen without reading the file."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from funding_platform.flows.importing.fields.cells import tidied
from funding_platform.flows.importing.files.archives import Member

_HEAD_BYTES: Final = 1 << 16

_KLINE: Final = re.compile(
    r"\d{13,16}(,-?[\d.]+([eE]-?\d+)?){5},\d{13,16}(,-?[\d.]+([eE]-?\d+)?){5}"
)
"""A row of twelve numbers, of which the first and the seventh are times."""

KLINE_COLUMNS: Final = (
    *("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume"),
    *("count", "taker_buy_volume", "taker_buy_quote_volume", "ignore"),
)
"""What Binance heads the rows of a kline file with, where it heads them at all."""


def columns_of(member: Member) -> list[str]:
    """Return the names of the columns, as far as they can be seen at a glance; none of JSON.

    What cannot be read has none either: reading it says why.
    """
    if member.form == "parquet" and member.inside is None:
        try:
            return list(pq.read_schema(member.path).names)
        except (OSError, pa.ArrowException):
            return []
    if member.form != "csv":
        return []
    line = _first_line(member)
    if is_kline(line):
        return list(KLINE_COLUMNS)
    delimiter = max(",;\t|", key=line.count)
    return [tidied(name) for name in next(csv.reader(io.StringIO(line), delimiter=delimiter), [])]


def is_headless_kline(member: Member) -> bool:
    """Whether a file begins with a row of a kline, without a header."""
    return member.form == "csv" and is_kline(_first_line(member))


def is_kline(line: str) -> bool:
    """Whether a line is a row of a kline file of Binance."""
    return bool(_KLINE.fullmatch(line.strip()))


def header_told(told: Sequence[str], member: Member) -> list[str]:
    """Name the columns of a file without a header: as told, or as its layout has them."""
    return list(told) or (list(KLINE_COLUMNS) if is_headless_kline(member) else [])


def _first_line(member: Member) -> str:
    with member.open() as stream:
        head = stream.read(_HEAD_BYTES)
    lines = head.decode("utf-8-sig", "replace").splitlines()
    return next((line for line in lines if line.strip() and line[0] != "#"), "")
