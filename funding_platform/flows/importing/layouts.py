"""How a file is read: the preset whose layout it has, what was told, and what must be told yet."""

from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from funding_platform.core.validation_errors import raise_as
from funding_platform.flows.errors import MappingError, SamplesError
from funding_platform.flows.importing.fields.cells import tidied
from funding_platform.flows.importing.mapping import Mapping, command
from funding_platform.flows.importing.presets import PRESETS, Preset


def preset_for(columns: Sequence[str]) -> Preset | None:
    """Find the layout that a file with these columns has, if it is known."""
    fitting = [one for one in PRESETS if set(one.known_by) <= set(columns)]
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
    if preset is not None and preset.samples is not None:
        raise SamplesError(
            file,
            f"is in the layout of {preset.title}, {preset.samples}: samples of a rate as it ran, "
            "not what was settled",
            hint="samples belong into core.market_snapshots, which `funding collect` fills as time "
            "goes by; ask the source for its history of settled funding rates",
        )
    if preset is None and not {"time", "rate"} <= set(told):
        raise MappingError(
            f"{file}: no preset knows the columns {', '.join(header)}",
            hint="say which is what: " + command(path, _suggested(header), told),
        )
    base = dict(preset.fields) if preset is not None else {}
    if preset is not None:
        _require_told(file, path, preset, base, told)
        for name in ("interval", "mark_price"):  # not all files of a layout have them
            if base.get(name) not in header:
                base.pop(name, None)
    if "venue" in told and "path" in base:
        base["path"] = base["path"].removeprefix("{venue}/")
    if "ignore" in told and "ignore" in base:
        base["ignore"] = tuple({*base["ignore"], *_listed(told["ignore"])})
        told.pop("ignore")
    with raise_as(MappingError, f"{file}: the mapping makes no sense", Mapping.model_fields):
        return Mapping(**{**base, **told}), preset


def _require_told(
    file: str, path: Path, preset: Preset, base: dict[str, Any], told: Dictionary[str, Any]
) -> None:
    """Refuse a mapping that lacks what no file of the layout says."""
    by_column = {f"{name.removesuffix('_column')}" for name in told if name.endswith("_column")}
    aliases = {"time_zone"} if "zone" in told else set()
    in_path = {name for name in preset.needs if f"{{{name}}}" in str(told.get("path", ""))}
    missing = {
        name: example
        for name, example in preset.needs.items()
        if name not in {*told, *by_column, *aliases, *in_path}
    }
    if not missing:
        return
    what = f"{file}: the layout of {preset.title} does not say {' or '.join(missing)}"
    if preset.bars and "rate" in missing:
        what += (
            "; it holds bars of a rate as it ran, and which figure of a bar was settled is yours "
            "to say"
        )
    raise MappingError(what, hint=f"for example: {command(path, told, missing)}")


def _suggested(header: Sequence[str]) -> dict[str, str]:
    """Suggest a mapping by what the columns are called."""

    def like(*words: str) -> str | None:
        folded = {name: name.casefold() for name in header}
        return next((name for word in words for name in header if word in folded[name]), None)

    def brief(name: str) -> str | None:
        return name if name in header else None

    symbol = like("symbol", "instrument", "contract", "coin", "pair", "ticker", "market")
    return {
        "time": like("fundingtime", "funding_time", "time", "date", "stamp", "ts")
        or brief("t")
        or "...",
        "rate": like("realized", "rate", "funding", "fr") or "...",
        "rate_unit": "fraction",
        "venue": "...",
        **({"symbol_column": symbol} if symbol else {"symbol": "..."}),
    }


def _listed(value: Any) -> tuple[str, ...]:
    return tuple(value.split(",")) if isinstance(value, str) else tuple(value)
