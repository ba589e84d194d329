"""How a file is read: the preset whose layout it has, what was told, and what must be told yet."""

from collections.abc import Collection, Sequence
from collections.abc import Mapping as Dictionary
from pathlib import Path
from typing import Any, TypeVar

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.prices import OPEN_INTEREST, PRICE_CANDLES
from funding_platform.core.validation_errors import raise_as
from funding_platform.flows.errors import MappingError, SamplesError
from funding_platform.flows.importing.fields.cells import tidied
from funding_platform.flows.importing.mapping import (
    Mapping,
    SourceMapping,
    TimedMapping,
    command,
    listed,
)
from funding_platform.flows.importing.presets import PRESETS, Preset
from funding_platform.flows.importing.series.presets import SERIES_PRESETS
from funding_platform.flows.importing.suggestions import (
    bar_columns,
    open_interest_columns,
    settlement_columns,
)


def preset_for(columns: Sequence[str]) -> Preset | None:
    """Find the layout that a file with these columns has, if it is known.

    What was traded within a bar is a price's: no rate and no open interest has a volume.
    """
    traded = any("vol" in name.casefold() for name in columns)
    fitting = [
        one
        for one in (*PRESETS, *SERIES_PRESETS)
        if set(one.known_by) <= set(columns) and not (one.bars and traded)
    ]
    return max(fitting, key=lambda one: len(one.known_by), default=None)


def is_known_header(line: str) -> bool:
    """Tell whether a first line, read in a guessed encoding, is that of a known layout."""
    return preset_for([tidied(name.strip('"')) for name in line.split(",")]) is not None


def mapping_for(
    file: str, path: Path, header: Sequence[str], told: Dictionary[str, Any]
) -> tuple[Mapping, Preset | None]:
    """Make the mapping for a file with these columns: what was told, on top of the preset it fits.

    Raises
    ------
    SamplesError
        If the layout is known for one of samples.
    MappingError
        If no preset fits and too little was told, or what was told makes no sense.
    """
    told = dict(told)
    preset = None if "time" in told else preset_for(header)
    if preset is not None and preset.table != FUNDING_RATES.name:
        raise MappingError(
            f"{file}: is in the layout of {preset.title}: no rates",
            hint=command(path, {**_of_any_table(told), "table": preset.table}, preset.needs),
        )
    if preset is not None and preset.samples is not None:
        raise SamplesError(
            file,
            f"is in the layout of {preset.title}, {preset.samples}: samples of a rate as it ran, "
            "not what was settled",
            hint="samples belong into core.market_snapshots, which `funding collect` fills as time "
            "goes by; ask the source for its history of settled funding rates",
        )
    if preset is None and not {"time", "rate"} <= set(told):
        columns, spot = settlement_columns(header), ""
        if {"open", "high", "low", "close"} <= {name.casefold() for name in header}:
            columns = {"table": PRICE_CANDLES.name, **bar_columns(header, told), "ignore": "*"}
            told, spot = _of_any_table(told), "; of a spot market: --map table=spot_candles"
        raise MappingError(
            f"{file}: no preset knows the columns {', '.join(header)}",
            hint="say which is what: " + command(path, columns, told) + spot,
        )
    base = dict(preset.fields) if preset is not None else {}
    if preset is not None:
        require_told(file, path, preset, told)
        for name in ("interval", "mark_price"):  # not all files of a layout have them
            if base.get(name) not in header:
                base.pop(name, None)
    return mapping_of(Mapping, file, base, told), preset


M = TypeVar("M", bound=SourceMapping)


def mapping_of(kind: type[M], file: str, base: dict[str, Any], told: Dictionary[str, Any]) -> M:
    """Put what was told on top of what a layout says.

    Raises
    ------
    MappingError
        If it makes no sense.
    """
    fields = {**base, **told}
    if "venue" in told and "path" in base and "path" not in told:
        fields["path"] = base["path"].removeprefix("{venue}/")
    if "ignore" in told and "ignore" in base:
        fields["ignore"] = tuple({*base["ignore"], *listed(told["ignore"])})
    with raise_as(MappingError, f"{file}: the mapping makes no sense", kind.model_fields):
        return kind(**fields)


def require_told(
    file: str,
    path: Path,
    preset: Preset,
    told: Dictionary[str, Any],
    said: Collection[str] = (),
) -> None:
    """Refuse a file of which something is not told that no file of its layout says.

    Parameters
    ----------
    said
        Fields that this one does say, by where it lies, or that its table does not need.

    Raises
    ------
    MappingError
        With the command that would work.
    """
    by_column = {f"{name.removesuffix('_column')}" for name in told if name.endswith("_column")}
    aliases = {"time_zone"} if "zone" in told else set()
    in_path = {name for name in preset.needs if f"{{{name}}}" in str(told.get("path", ""))}
    missing = {
        name: example
        for name, example in preset.needs.items()
        if name not in {*told, *by_column, *aliases, *in_path, *said}
    }
    if not missing:
        return
    what = f"{file}: the layout of {preset.title} does not say {' or '.join(missing)}"
    hint = f"for example: {command(path, told, missing)}"
    if preset.bars and "rate" in missing:
        what += (
            "; it holds bars of a rate as it ran, and which figure of a bar was settled is yours "
            "to say"
        )
        prices, interest = _other_bars(path, preset, told)
        hint += f"; if they are of a price: {prices}; of open interest: {interest}"
    raise MappingError(what, hint=hint)


def _other_bars(path: Path, preset: Preset, told: Dictionary[str, Any]) -> tuple[str, str]:
    """Write the commands for bars that are of something else than a rate, and called alike."""
    form = {name: value for name, value in preset.fields.items() if name == "symbol_form"}
    prices = {"table": PRICE_CANDLES.name, **bar_columns(preset.known_by, told), **form}
    interest = {
        "table": OPEN_INTEREST.name,
        **open_interest_columns(preset.known_by, {**told, **preset.instead}),
        **preset.instead,
        **form,
        "ignore": "*",
    }
    said = _of_any_table(told)
    return command(path, prices, said), command(path, interest, said)


def _of_any_table(told: Dictionary[str, Any]) -> dict[str, Any]:
    """Leave out what was told of rates, which no other table has."""
    of_rates = set(Mapping.model_fields) - set(TimedMapping.model_fields)
    return {name: value for name, value in told.items() if name not in of_rates}
