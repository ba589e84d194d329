"""How the columns of a foreign file map to those of a table, settled rates above all.

A mapping is a handful of words, written in a TOML or YAML file or on the command line:

    time = "ts"             # the column of the settlement instant
    rate = "funding"        # the column of the rate
    rate_unit = "percent"   # fraction, percent or bps
    path = "{venue}/{symbol}.csv"

The unit of a rate is never guessed. That of a number that stands for a time is: in one unit only
does it lie between the first perpetual and now.
"""

import re
import shlex
import tomllib
from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self
from zoneinfo import available_timezones

import yaml
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator, model_validator

from funding_platform.core.tables.columns import MAX_INTERVAL_HOURS
from funding_platform.flows.errors import MappingError
from funding_platform.flows.importing.files.archives import without_suffix

_VENUE = r"[a-z][a-z0-9_:]*"
"""Venue names are lower-case words, so that a folder called Downloads is not taken for one."""

_SYMBOL = r"[^/]+"

_BAR = r"\d+[a-zA-Z]+"
"""How long a bar is: ``1h``."""


class SourceMapping(BaseModel):
    """Whose rows are in a file, and how it is written: the same for every table.

    Parameters
    ----------
    venue, symbol
        One venue, one symbol for everything.
    venue_column, symbol_column
        Columns that hold them.
    symbol_form
        What a symbol looks like in its column: ``{symbol} Perpetual``.
    symbols
        Symbols by their name in the file: ``BTC/USDT:USDT=BTCUSDT``.
    path
        Where the end of a file's path holds them: ``{venue}/{symbol}.csv``; ``*`` is anything.
    ignore
        Columns that are known to mean nothing here; ``*`` is every other one.
    header
        Names of the columns, of a file that has no header.
    encoding
        Of a text file; by default seen from its first bytes.
    decimal
        What stands before the decimals, ``.`` or ``,``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    column_fields: ClassVar[tuple[str, ...]] = ("venue_column", "symbol_column")
    """Fields whose values are names of columns."""

    placeholders: ClassVar[tuple[str, ...]] = ("venue", "symbol")
    """What a path may say, in braces."""

    venue: str | None = None
    symbol: str | None = None
    venue_column: str | None = None
    symbol_column: str | None = None
    symbol_form: str | None = None
    symbols: dict[str, str] = Field(default_factory=dict)
    path: str | None = None
    ignore: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    encoding: str | None = None
    decimal: Literal[".", ","] = "."

    @field_validator("ignore", "header", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return listed(value) if isinstance(value, str) else value

    @field_validator("symbols", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [pair.rpartition("=") for pair in value.split(",")]
        if not all(name and ours for name, _, ours in pairs):
            raise ValueError("write NAME=SYMBOL, several of them separated by commas")
        return {name: ours for name, _, ours in pairs}

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        return None if value is None else known_encoding(value)

    @field_validator("venue")
    @classmethod
    def _venue_word(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(_VENUE, value):
            raise ValueError(f"{value!r} is not the name of a venue: those are lower-case words")
        return value

    @field_validator("path", "symbol_form")
    @classmethod
    def _known_placeholders(cls, value: str | None) -> str | None:
        known = [f"{{{name}}}" for name in cls.placeholders]
        unknown = set(re.findall(r"\{.*?\}", value or "")) - set(known)
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))} is neither {' nor '.join(known)}")
        return value

    @model_validator(mode="after")
    def _tells_whose_rows(self) -> Self:
        for name, constant, column in (
            ("venue", self.venue, self.venue_column),
            ("symbol", self.symbol, self.symbol_column),
        ):
            in_path = f"{{{name}}}" in (self.path or "")
            if constant is None and column is None and not in_path:
                raise ValueError(
                    f"nothing says the {name}: give {name}, {name}_column, or path with {{{name}}}"
                )
        return self

    @property
    def columns(self) -> dict[str, str]:
        """The columns to read, by the field that names them."""
        named = ((field, getattr(self, field)) for field in self.column_fields)
        return {field: name for field, name in named if name is not None}

    def source(self, paths: Sequence[Path]) -> dict[str, str]:
        """Tell the ``venue`` and ``symbol`` of a whole file, as far as they are not in its columns.

        Parameters
        ----------
        paths
            Where they may be said, the first that has the form of ``path`` says it.

        Raises
        ------
        MappingError
            If none has.
        """
        said = {name: getattr(self, name) for name in self.placeholders}
        constant = {name: value for name, value in said.items() if value is not None}
        if self.path is None or len(constant) == len(said):
            return constant
        template = without_suffix(self.path)
        depth = template.count("/") + 1
        for path in paths:
            tail = without_suffix("/".join(path.absolute().parts[-depth:]))
            match = re.fullmatch(form_pattern(template), tail)
            if match is not None:
                return match.groupdict() | constant
        if {"venue", "symbol"} <= set(constant):
            return constant
        raise MappingError(
            f"{paths[0]}: the path does not have the form {self.path}",
            hint="leave the file out with --exclude, or say --map venue=... --map symbol=...",
        )


class TimedMapping(SourceMapping):
    """That of a file whose rows have a time.

    Parameters
    ----------
    time, time_unit
        The column of the time, and its unit; ``iso`` is ISO 8601 and what is like it. By default
        the one unit in which the file's times are times.
    date
        The column of the day, where ``time`` only holds the time of the day.
    time_zone
        The zone of times that name none; such times are refused without it. Also ``zone``.
    fold
        Which one of two equal local times is meant, ``first`` or ``second``, in the hour that
        comes twice.
    """

    time: str
    date: str | None = None
    time_unit: Literal["ms", "s", "us", "ns", "iso"] | None = None
    time_zone: str | None = Field(None, validation_alias=AliasChoices("time_zone", "zone"))
    fold: Literal["first", "second"] | None = None

    @field_validator("fold", mode="before")
    @classmethod
    def _fold_by_number(cls, value: Any) -> Any:
        return {"0": "first", "1": "second"}.get(str(value), value)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise ValueError(f"{value!r} is not a time zone; write Europe/London or UTC")
        return value


class Mapping(TimedMapping):
    """Which column of a file of settled rates is what, and in which unit.

    Parameters
    ----------
    stamp
        ``end``, or ``start`` where a time is that of the beginning of the interval.
    rate, rate_unit
        The column of the settled rate per interval, positive where longs pay, and its unit; a
        ``%`` or ``bps`` in the cells is a unit.
    interval, interval_unit
        The column of what the rate is for, and its unit where a cell names none; blanks are
        inferred.
    interval_hours
        The hours that every rate is for.
    mark_price
        The column of the mark price at settlement.
    kind
        ``settlements``, if the file is known to hold nothing else although its rows come more
        often than the instrument is known to settle.

    Without ``fold`` the order of the rows and the spacing of the others say which local time is
    meant.
    """

    column_fields = (
        "time",
        "date",
        "rate",
        "interval",
        "mark_price",
        "venue_column",
        "symbol_column",
    )

    stamp: Literal["end", "start"] = "end"
    rate: str
    rate_unit: Literal["fraction", "percent", "bps"] | None = None
    interval: str | None = None
    interval_unit: Literal["h", "m", "s", "ms"] = "h"
    interval_hours: float | None = Field(None, gt=0, le=MAX_INTERVAL_HOURS)
    mark_price: str | None = None
    kind: Literal["settlements"] | None = None


def listed(told: Any) -> tuple[str, ...]:
    """Return the words of a field that lists some: separated by commas, or one by one."""
    return tuple(told.split(",")) if isinstance(told, str) else tuple(told)


def form_pattern(template: str) -> str:
    """Write a template with placeholders and ``*`` as a regular expression."""
    parts = {
        "{venue}": f"(?P<venue>{_VENUE})",
        "{symbol}": f"(?P<symbol>{_SYMBOL})",
        "{bar}": f"(?P<bar>{_BAR})",
        "*": "[^/]*",
    }
    pieces = re.split(r"(\{venue\}|\{symbol\}|\{bar\}|\*)", template)
    return "".join(parts.get(piece, re.escape(piece)) for piece in pieces)


def known_encoding(name: str) -> str:
    """Return the name of an encoding that text can be read in.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    try:
        b"a".decode(name, "ignore")  # refuses what is an encoding of bytes, such as zlib
    except (LookupError, ValueError):
        raise ValueError(f"{name!r} is not an encoding of text; write gbk or utf-16") from None
    return name


def read_mapping(path: Path) -> dict[str, Any]:
    """Read what a TOML or YAML file tells.

    Raises
    ------
    MappingError
        If it is neither, or holds no table of words.
    """
    try:
        text = path.read_text(encoding="utf-8")
        told = tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise MappingError(f"{path}: the mapping cannot be read: {error}") from error
    if not isinstance(told, dict) or not all(isinstance(key, str) for key in told):
        raise MappingError(f"{path}: a mapping is a table of `name = value`")
    return told


def command(path: Path, *fields: Dictionary[str, Any]) -> str:
    """Write the command that imports a file with a mapping, for a hint."""
    merged = {name: value for told in fields for name, value in told.items()}
    words = ["funding", "import", str(path)]
    for name, value in merged.items():
        if isinstance(value, dict):
            value = ",".join(f"{key}={one}" for key, one in value.items())
        elif isinstance(value, list | tuple):
            value = ",".join(map(str, value))
        words += ["--map", f"{name}={value}"]
    return shlex.join(words)
