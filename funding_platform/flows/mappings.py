"""How the columns of a foreign file map to settled rates, and which files need no telling.

A mapping is a handful of words, written in a TOML or YAML file or on the command line:

    time = "ts"             # the column of the settlement instant
    time_unit = "s"         # ms, s, us, ns or iso
    rate = "funding"        # the column of the rate
    rate_unit = "percent"   # fraction, percent or bps
    path = "{venue}/{symbol}.csv"

Units are never guessed: a mapping that does not name them is refused.
"""

import re
import tomllib
from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import available_timezones

import yaml  # type: ignore[import-untyped]  # ships no types
from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from funding_platform.core.faults import faults_as
from funding_platform.flows.errors import MappingError

SUFFIXES: Final = (".csv", ".csv.gz", ".zip", ".parquet")
"""What an import reads; a zip archive holds one CSV file."""

_VENUE = r"[a-z][a-z0-9_:]*"
"""Venue names are lower-case words, so that a folder called Downloads is not taken for one."""

_SYMBOL = r"[^/]+"


class Mapping(BaseModel):
    """Which column is what, and in which unit.

    Parameters
    ----------
    time, time_unit
        The column of the settlement instant, and its unit; ``iso`` is ISO 8601.
    time_zone
        The zone of ISO times that name none; such times are refused without it.
    rate, rate_unit
        The column of the settled rate per interval, positive where longs pay, and its unit.
    interval
        The column of the hours that the rate is for; blanks are inferred.
    mark_price
        The column of the mark price at settlement.
    venue, symbol
        One venue, one symbol for everything.
    venue_column, symbol_column
        Columns that hold them.
    path
        Where the end of a file's path holds them: ``{venue}/{symbol}.csv``; ``*`` is anything.
    ignore
        Columns that are known to mean nothing here; ``*`` is every other one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: str
    time_unit: Literal["ms", "s", "us", "ns", "iso"]
    time_zone: str | None = None
    rate: str
    rate_unit: Literal["fraction", "percent", "bps"]
    interval: str | None = None
    mark_price: str | None = None
    venue: str | None = None
    symbol: str | None = None
    venue_column: str | None = None
    symbol_column: str | None = None
    path: str | None = None
    ignore: tuple[str, ...] = ()

    @field_validator("ignore", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(value.split(",")) if isinstance(value, str) else value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise ValueError(f"{value!r} is no time zone; write Europe/London or UTC")
        return value

    @field_validator("path")
    @classmethod
    def _known_placeholders(cls, value: str | None) -> str | None:
        unknown = set(re.findall(r"\{.*?\}", value or "")) - {"{venue}", "{symbol}"}
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))} is neither {{venue}} nor {{symbol}}")
        return value

    @model_validator(mode="after")
    def _tells_whose_rates(self) -> "Mapping":
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
        fields = ("time", "rate", "interval", "mark_price", "venue_column", "symbol_column")
        return {field: name for field in fields if (name := getattr(self, field)) is not None}

    def source(self, path: Path) -> dict[str, str]:
        """The ``venue`` and ``symbol`` of a whole file, as far as they are not in its columns.

        Raises
        ------
        MappingError
            If the path has another form.
        """
        said = {"venue": self.venue, "symbol": self.symbol}
        constant = {name: value for name, value in said.items() if value is not None}
        if self.path is None or len(constant) == 2:
            return constant
        template = without_suffix(self.path)
        depth = template.count("/") + 1
        tail = without_suffix("/".join(path.absolute().parts[-depth:]))
        match = re.fullmatch(_pattern(template), tail)
        if match is None:
            raise MappingError(
                f"{path}: the path does not have the form {self.path}",
                hint="leave the file out with --exclude, or say --map venue=... --map symbol=...",
            )
        return match.groupdict() | constant


PRESETS: Final = {
    "Binance's public data": Mapping(
        time="calc_time",
        time_unit="ms",
        rate="last_funding_rate",
        rate_unit="fraction",
        interval="funding_interval_hours",
        venue="binance",
        path="{symbol}-fundingRate-*",
    ),
    "a folder that the sandbox can replay": Mapping(
        time="funding_time_ms",
        time_unit="ms",
        rate="funding_rate",
        rate_unit="fraction",
        interval="interval_hours",
        mark_price="mark_price",
        path="{venue}/{symbol}.csv",
    ),
}
"""Files that are known by their columns."""


def mapping_for(header: Sequence[str], told: Dictionary[str, Any]) -> Mapping:
    """The mapping for a file with these columns: what was told, on top of the preset it fits.

    Raises
    ------
    MappingError
        If no preset fits and too little was told, or what was told makes no sense.
    """
    base: dict[str, Any] = {}
    if "time" not in told and "rate" not in told:
        fitting = [one for one in PRESETS.values() if {one.time, one.rate} <= set(header)]
        if not fitting:
            raise MappingError(
                f"no preset knows the columns {', '.join(header)}",
                hint="say which is what: --map time=... --map time_unit=ms --map rate=... "
                "--map rate_unit=fraction, or --mapping FILE",
            )
        base = fitting[0].model_dump(exclude_unset=True)
        if "venue" in told:
            base["path"] = base["path"].removeprefix("{venue}/")
    with faults_as(MappingError, "the mapping makes no sense", Mapping.model_fields):
        return Mapping(**{**base, **told})


def read_mapping(path: Path) -> dict[str, Any]:
    """What a TOML or YAML file tells.

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


def without_suffix(name: str) -> str:
    """A file name without the suffix that says its format."""
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def _pattern(template: str) -> str:
    """A path template as a regular expression."""
    parts = {"{venue}": f"(?P<venue>{_VENUE})", "{symbol}": f"(?P<symbol>{_SYMBOL})", "*": "[^/]*"}
    pieces = re.split(r"(\{venue\}|\{symbol\}|\*)", template)
    return "".join(parts.get(piece, re.escape(piece)) for piece in pieces)
