"""How a file of candles or of open interest is read: its preset, and what was told."""

from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from typing import Any

from funding_platform.core.tables.prices import OPEN_INTEREST, PRICE_CANDLES, SPOT_CANDLES
from funding_platform.flows.errors import DumpError, MappingError
from funding_platform.flows.importing.files.archives import Member
from funding_platform.flows.importing.layouts import mapping_of, preset_for, require_told
from funding_platform.flows.importing.mapping import command
from funding_platform.flows.importing.presets import Preset
from funding_platform.flows.importing.series.mapping import (
    VOLUMES,
    BarMapping,
    OpenInterestMapping,
)
from funding_platform.flows.importing.series.presets import KLINES, kline_fields
from funding_platform.flows.importing.suggestions import (
    bar_columns,
    open_interest_columns,
)


def bar_mapping_for(
    member: Member, header: Sequence[str], told: Dictionary[str, Any], table: str
) -> tuple[BarMapping, Preset | None]:
    """Make the mapping of a file of bars with these columns.

    Raises
    ------
    MappingError
        If no preset fits and too little was told, or what was told makes no sense.
    DumpError
        If the file is known to hold no prices.
    """
    told = _of_rows(told)
    preset = _preset(header, told, of_bars=True)
    base = dict(preset.fields) if preset is not None else {}
    if preset is KLINES:
        base |= _kline_fields(member, told, table)
    if preset is not None:
        said = {*base, "table", *(["kind"] if table == SPOT_CANDLES.name else [])}
        require_told(member.name, member.path, preset, {**told, "table": table}, said)
        if base.get("closed") not in header:  # not all files of a layout have it
            base.pop("closed", None)
    elif "time" not in told:
        raise _unknown(member, header, bar_columns(header, told), {"table": table, **told})
    mapping = mapping_of(BarMapping, member.name, base, told)
    if table == PRICE_CANDLES.name and mapping.kind is None and mapping.kind_column is None:
        raise MappingError(
            f"{member.name}: nothing says of what the prices are",
            hint="one of mark, index and trade: "
            + command(member.path, told, {"table": PRICE_CANDLES.name, "kind": "trade"}),
        )
    return mapping, preset


def open_interest_mapping_for(
    member: Member, header: Sequence[str], told: Dictionary[str, Any]
) -> tuple[OpenInterestMapping, Preset | None]:
    """Make the mapping of a file of open interest; fails as that of bars."""
    told = _of_rows(told)
    preset = _preset(header, told, of_bars=False)
    base = dict(preset.fields) if preset is not None else {}
    if preset is not None:
        require_told(member.name, member.path, preset, told)
    elif "time" not in told:
        columns = open_interest_columns(header, told)
        raise _unknown(member, header, columns, {"table": OPEN_INTEREST.name, **told})
    return mapping_of(OpenInterestMapping, member.name, base, told), preset


def _preset(header: Sequence[str], told: Dictionary[str, Any], *, of_bars: bool) -> Preset | None:
    """Find the layout of the file, if it is one of what is asked for."""
    preset = None if "time" in told else preset_for(header)
    if preset is None or (preset.table == OPEN_INTEREST.name) == of_bars:
        return None
    return preset if preset.table in (PRICE_CANDLES.name, OPEN_INTEREST.name) else None


def _kline_fields(member: Member, told: Dictionary[str, Any], table: str) -> dict[str, Any]:
    """Tell what a kline file is by its place, beside what every one is."""
    said = kline_fields(member.paths, table)
    said.pop("table", None)
    volumes = said.pop("volumes", {})
    kind = told.get("kind", said.get("kind", "trade"))
    if kind == "premium":
        raise DumpError(
            member.name,
            "holds the premium index, which a venue computes its funding from: no price",
            hint="leave it out: --exclude, or import markPriceKlines and indexPriceKlines",
        )
    if table != PRICE_CANDLES.name:
        said.pop("kind", None)
    if kind == "trade" and not set(VOLUMES) & set(told):
        said |= volumes
    return said


def _of_rows(told: Dictionary[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "table"}


def _unknown(
    member: Member,
    header: Sequence[str],
    columns: Dictionary[str, str],
    told: Dictionary[str, Any],
) -> MappingError:
    return MappingError(
        f"{member.name}: no preset knows the columns {', '.join(header)}",
        hint="say which is what: " + command(member.path, columns, told),
    )
