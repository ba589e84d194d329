"""Files that are known by their columns: one row each, whoever wrote them.

A preset says what a layout leaves unsaid. What no file of the layout says, such as the zone of
local times, must be told, and is named with the command that would work.
"""

from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from funding_platform.core.faults import faults_as
from funding_platform.flows.errors import MappingError, SamplesError
from funding_platform.flows.importing.cells import tidied
from funding_platform.flows.importing.mapping import Mapping, command


@dataclass(frozen=True, slots=True)
class Preset:
    """A layout that is known.

    Parameters
    ----------
    title
        Whose files these are.
    known_by
        Columns by which one is known.
    fields
        What its ``Mapping`` is, but for what must be told.
    needs
        Fields that no file of the layout says, each with an example of what to tell.
    samples
        Why its rates are samples of a rate as it ran, not settlements; None if they are not.
    bars
        Whether ``rate`` is among ``needs`` because the file holds bars of such samples.
    history
        Whether it is a venue's own record of settlements: then their spacing is not doubted.
    """

    title: str
    known_by: tuple[str, ...]
    fields: Dictionary[str, Any] = field(default_factory=dict)
    needs: Dictionary[str, str] = field(default_factory=dict)
    samples: str | None = None
    bars: bool = False
    history: bool = True


_BARS: Final = {
    "rate_unit": "percent",
    "stamp": "start",
    "ignore": ("open", "high", "low", "close", "o", "h", "l", "c"),
}

_BAR_NEEDS: Final = {"rate": "close", "interval_hours": "8", "venue": "binance"}

PRESETS: Final = (
    Preset(
        "Binance's public data, USD-M and COIN-M",
        ("calc_time", "last_funding_rate"),
        {
            "time": "calc_time",
            "time_unit": "ms",
            "rate": "last_funding_rate",
            "rate_unit": "fraction",
            "interval": "funding_interval_hours",
            "venue": "binance",
            "path": "{symbol}-fundingRate-*",
        },
    ),
    Preset(
        "Binance's web export",
        ("Time", "Contracts", "Funding Interval", "Funding Rate"),
        {
            "time": "Time",
            "time_unit": "iso",
            "rate": "Funding Rate",
            "rate_unit": "percent",
            "interval": "Funding Interval",
            "venue": "binance",
            "symbol_column": "Contracts",
            "symbol_form": "{symbol} Perpetual",
            "ignore": ("Mark Price",),
        },
        needs={"time_zone": "Europe/Berlin"},
    ),
    Preset(
        "Binance's API",
        ("symbol", "fundingTime", "fundingRate"),
        {
            "time": "fundingTime",
            "rate": "fundingRate",
            "rate_unit": "fraction",
            "mark_price": "markPrice",
            "symbol_column": "symbol",
        },
        needs={"venue": "binance"},  # Aster answers alike
    ),
    Preset(
        "OKX's public archive",
        ("instrument_name", "funding_rate", "funding_time"),
        {
            "time": "funding_time",
            "time_unit": "ms",
            "rate": "funding_rate",
            "rate_unit": "fraction",
            "venue": "okx",
            "symbol_column": "instrument_name",
        },
    ),
    Preset(
        "OKX's public archive, as it was (GBK)",
        ("instrument_name", "funding_rate", "real_funding_rate", "funding_time"),
        {
            "time": "funding_time",
            "time_unit": "ms",
            "rate": "real_funding_rate",
            "rate_unit": "fraction",
            "venue": "okx",
            "symbol_column": "instrument_name",
            "ignore": ("contract_type", "funding_rate"),
        },
    ),
    Preset(
        "OKX's API",
        ("instId", "fundingTime", "realizedRate"),
        {
            "time": "fundingTime",
            "time_unit": "ms",
            "rate": "realizedRate",
            "rate_unit": "fraction",
            "venue": "okx",
            "symbol_column": "instId",
            "ignore": ("fundingRate", "instType", "method", "formulaType"),
        },
    ),
    Preset(
        "Bybit's API",
        ("symbol", "fundingRate", "fundingRateTimestamp"),
        {
            "time": "fundingRateTimestamp",
            "rate": "fundingRate",
            "rate_unit": "fraction",
            "venue": "bybit",
            "symbol_column": "symbol",
        },
    ),
    Preset(
        "Hyperliquid's API",
        ("coin", "fundingRate", "premium", "time"),
        {
            "time": "time",
            "rate": "fundingRate",
            "rate_unit": "fraction",
            "venue": "hyperliquid",
            "symbol_column": "coin",
            "interval_hours": 1.0,
            "ignore": ("premium",),
        },
    ),
    Preset(
        "ccxt's fetchFundingRateHistory",
        ("symbol", "fundingRate", "timestamp"),
        {
            "time": "timestamp",
            "rate": "fundingRate",
            "rate_unit": "fraction",
            "symbol_column": "symbol",
            "ignore": ("datetime", "info", "info.*"),
        },
        needs={"venue": "binance"},
        history=False,  # fetchFundingRate, asked again and again, gives the same columns
    ),
    Preset(
        "a folder that the sandbox can replay",
        ("funding_time_ms", "funding_rate"),
        {
            "time": "funding_time_ms",
            "time_unit": "ms",
            "rate": "funding_rate",
            "rate_unit": "fraction",
            "interval": "interval_hours",
            "mark_price": "mark_price",
            "path": "{venue}/{symbol}.csv",
        },
    ),
    Preset(
        "Coinglass, bars of the rate",
        ("time", "open", "high", "low", "close"),
        {**_BARS, "time": "time"},
        needs={**_BAR_NEEDS, "symbol": "BTCUSDT"},
        bars=True,
        history=False,
    ),
    Preset(
        "Coinglass, bars of the rate, short names",
        ("t", "o", "h", "l", "c"),
        {**_BARS, "time": "t"},
        needs={**_BAR_NEEDS, "rate": "c", "symbol": "BTCUSDT"},
        bars=True,
        history=False,
    ),
    Preset(
        "Coinalyze, bars of the rate",
        ("symbol", "t", "o", "h", "l", "c"),
        {**_BARS, "time": "t", "symbol_column": "symbol", "symbol_form": "{symbol}_PERP.*"},
        needs={**_BAR_NEEDS, "rate": "c"},
        bars=True,
        history=False,
    ),
    Preset(
        "Tardis, derivative_ticker",
        ("exchange", "symbol", "timestamp", "local_timestamp", "funding_rate"),
        samples="a row for every message of the venue's ticker",
    ),
    Preset(
        "Hyperliquid's archive, asset_ctxs",
        ("time", "coin", "funding", "oracle_px", "mark_px"),
        samples="a row per coin and minute",
    ),
    Preset(
        "Binance's premiumIndex",
        ("symbol", "lastFundingRate", "nextFundingTime"),
        samples="the rate that is expected next",
    ),
    Preset(
        "ccxt's fetchFundingRate",
        ("symbol", "fundingRate", "timestamp", "fundingTimestamp"),
        samples="the rate that is expected next",
    ),
)
"""In no order: the one with the most columns of those that fit is taken."""


def preset_for(columns: Sequence[str]) -> Preset | None:
    """The layout that a file with these columns has, if it is known."""
    fitting = [one for one in PRESETS if set(one.known_by) <= set(columns)]
    return max(fitting, key=lambda one: len(one.known_by), default=None)


def is_known_header(line: str) -> bool:
    """Whether a first line, read in a guessed encoding, is that of a known layout."""
    return preset_for([tidied(name.strip('"')) for name in line.split(",")]) is not None


def mapping_for(
    file: str, path: Path, header: Sequence[str], told: Dictionary[str, Any]
) -> tuple[Mapping, Preset | None]:
    """The mapping for a file with these columns: what was told, on top of the preset it fits.

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
    with faults_as(MappingError, f"{file}: the mapping makes no sense", Mapping.model_fields):
        return Mapping(**{**base, **told}), preset


def _require_told(
    file: str, path: Path, preset: Preset, base: dict[str, Any], told: Dictionary[str, Any]
) -> None:
    """What no file of the layout says has been told."""
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
    """A mapping that may be meant, by what the columns are called."""

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
