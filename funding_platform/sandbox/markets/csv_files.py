"""The files of a replayed folder: plain or gzipped CSV, read strictly.

``funding/<venue>/<symbol>.csv[.gz]`` has ``funding_time_ms, funding_rate, interval_hours,
mark_price`` (the last two may be blank), one row per settlement, ascending.
``prices/<venue>/<symbol>_<1h|8h|1d>.csv[.gz]`` has ``time_ms`` (when the bar begins) and ``close``,
and, to be served as bars of an hour, ``open, high, low`` and ``volume`` in base units.
``open_interest/<venue>/<symbol>_1h.csv[.gz]`` has ``time_ms, open_interest, unit``.
"""

import csv
import gzip
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from funding_platform.core.time_grid import DAY_MS, HOUR_MS
from funding_platform.sandbox.errors import ReplayError
from funding_platform.sandbox.markets.market import Contract
from funding_platform.sandbox.markets.series import (
    NO_CANDLES,
    NO_OPEN_INTEREST,
    Candles,
    OpenInterest,
    Settlements,
    Times,
    Values,
)

_SUFFIXES = (".csv", ".csv.gz")
_CANDLE_MS = {"1h": HOUR_MS, "8h": 8 * HOUR_MS, "1d": DAY_MS}


class FundingFile(NamedTuple):
    """The settlements of one file, and the interval in hours per row, NaN where not stated."""

    settlements: Settlements
    intervals: Values


class Prices(NamedTuple):
    """Prices and when each was known, ascending."""

    known_ms: Times
    prices: Values


class PriceFile(NamedTuple):
    """The closes of one file, and its bars where those are of an hour and whole."""

    closes: Prices
    candles: Candles


def csv_files(folder: Path) -> dict[str, Path]:
    """List the CSV files of a folder by name without suffix, in order of name."""
    found = {
        path.name.removesuffix(suffix): path
        for path in sorted(folder.glob("*"))
        for suffix in _SUFFIXES
        if path.name.endswith(suffix)
    }
    return dict(sorted(found.items()))


def read_funding(path: Path) -> FundingFile:
    """Read the settlements of a funding file.

    Raises
    ------
    ReplayError
        If the file is malformed; names file and line.
    """
    required = ("funding_time_ms", "funding_rate")
    optional = ("interval_hours", "mark_price")
    parsers = (_stamp, _number, _optional_number, _optional_number)
    times, rates, intervals, marks = _columns(path, required, optional, parsers)
    stamps = np.array(times, dtype=np.int64)
    _must_ascend(path, stamps)
    known = np.array(marks, dtype=np.float64)
    settlements = Settlements(
        stamps, np.array(rates, dtype=np.float64), None if np.isnan(known).all() else known
    )
    return FundingFile(settlements, np.array(intervals, dtype=np.float64))


def read_prices(folder: Path, name: str) -> PriceFile | None:
    """Read the finest bars of a name, ``None`` where there are none.

    Raises
    ------
    ReplayError
        If the file is malformed; names file and line.
    """
    files = csv_files(folder)
    for length, milliseconds in _CANDLE_MS.items():
        path = files.get(f"{name}_{length}")
        if path is not None:
            return _price_file(path, milliseconds)
    return None


def _price_file(path: Path, length_ms: int) -> PriceFile:
    figures = ("open", "high", "low", "volume")
    parsers = (_stamp, *[_optional_number] * 5)
    times, *columns = _columns(path, ("time_ms", "close"), figures, parsers)
    begun = np.array(times, dtype=np.int64)
    _must_ascend(path, begun)
    closes, opens, highs, lows, volumes = (np.array(c, dtype=np.float64) for c in columns)
    known = ~np.isnan(closes)
    prices = Prices(begun[known] + length_ms, closes[known])
    if length_ms != HOUR_MS:
        return PriceFile(prices, NO_CANDLES)
    unknown = np.full(len(begun), np.nan)
    candles = Candles(begun, opens, highs, lows, closes, volumes, unknown)
    whole = ~np.isnan(opens + highs + lows + closes)
    return PriceFile(prices, candles.slice(whole))


def read_open_interest(folder: Path, symbol: str, contract: Contract) -> OpenInterest:
    """Read the hourly open interest of a contract; the unit is its base, its quote or USD.

    Raises
    ------
    ReplayError
        If the file is malformed; names file and line.
    """
    path = csv_files(folder).get(f"{symbol}_1h")
    if path is None:
        return NO_OPEN_INTEREST
    in_base = {contract.base: True, contract.quote: False, "USD": False}

    def unit(text: str) -> bool:
        if text not in in_base:
            raise ValueError(f"{text!r} is no unit of {symbol}: {', '.join(in_base)}")
        return in_base[text]

    required = ("time_ms", "open_interest", "unit")
    times, amounts, units = _columns(path, required, (), (_stamp, _number, unit))
    stamps, held = np.array(times, dtype=np.int64), np.array(amounts, dtype=np.float64)
    _must_ascend(path, stamps)
    base = np.array(units, dtype=np.bool_)
    return OpenInterest(stamps, np.where(base, held, np.nan), np.where(base, np.nan, held))


def _columns(
    path: Path,
    required: tuple[str, ...],
    optional: tuple[str, ...],
    parsers: tuple[Callable[[str], float], ...],
) -> list[list[float]]:
    """Read columns by name; an optional one that the file lacks is all NaN."""
    with _open(path) as file:
        rows = _rows(path, csv.reader(file, strict=True))
        header = next(rows, (1, []))[1]
        missing = [name for name in required if name not in header]
        if missing:
            raise _malformed(path, 1, f"the header lacks {', '.join(missing)}")
        names = (*required, *optional)
        places = [header.index(name) if name in header else None for name in names]
        columns: list[list[float]] = [[] for _ in names]
        for line, row in rows:
            if len(row) != len(header):
                raise _malformed(path, line, f"{len(row)} fields, the header has {len(header)}")
            for column, place, parse in zip(columns, places, parsers, strict=True):
                text = "" if place is None else row[place]
                try:
                    column.append(parse(text))
                except ValueError as error:
                    raise _malformed(path, line, str(error)) from error
    if not columns[0]:
        raise _malformed(path, 1, "there are no rows")
    return columns


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _rows(path: Path, reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Yield rows with their line numbers; what is no text or CSV is an error of the file."""
    line = 0
    try:
        for line, row in enumerate(reader, start=1):
            yield line, row
    except (csv.Error, UnicodeDecodeError, EOFError, OSError) as error:
        raise _malformed(path, line + 1, str(error)) from error


def _must_ascend(path: Path, times: Times) -> None:
    late = np.flatnonzero(np.diff(times) <= 0)
    if len(late):
        raise _malformed(path, int(late[0]) + 3, "the time does not come after the row before it")


def _malformed(path: Path, line: int, what: str) -> ReplayError:
    return ReplayError(
        f"{path}, line {line}: {what}",
        hint="correct the line or take the file out of the folder",
    )


def _stamp(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{text!r} is not a time in milliseconds")
    return int(text)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a number")
    return value


def _optional_number(text: str) -> float:
    return _number(text) if text else math.nan
