"""Files that are known by their columns: one row each, whoever wrote them.

A preset says what a layout leaves unsaid. What no file of the layout says, such as the zone of
local times, must be told, and is named with the command that would work.
"""

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from typing import Any, Final

from funding_platform.core.tables.collected import FUNDING_RATES


@dataclass(frozen=True, slots=True)
class Misread:
    """Why the rates that a layout has of a venue are not what it calls them.

    Parameters
    ----------
    why
        What they are.
    instead
        What to tell to have them read rightly; any of it is taken to be meant. Nothing, if the
        layout does not have what was settled.
    """

    why: str
    instead: Dictionary[str, str] = field(default_factory=dict)


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
        Whether ``rate`` is among ``needs`` because the file holds bars of such samples, or of
        something else: bars of prices and of open interest are called alike.
    instead
        The column to tell of such bars if they are of open interest: the first, which is that of
        the bar's time, in the unit that the source counts in.
    history
        Whether it is a venue's own record of settlements: then their spacing is not doubted.
    misread
        By venue, what is amiss with the rates that such files have of it.
    table
        Name of the table that its rows are for.
    """

    title: str
    known_by: tuple[str, ...]
    fields: Dictionary[str, Any] = field(default_factory=dict)
    needs: Dictionary[str, str] = field(default_factory=dict)
    samples: str | None = None
    bars: bool = False
    instead: Dictionary[str, str] = field(default_factory=dict)
    history: bool = True
    misread: Dictionary[str, Misread] = field(default_factory=dict)
    table: str = FUNDING_RATES.name


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
        misread={
            "deribit": Misread("every hour has the sum of the last eight"),
            "grvt": Misread(
                "they are percent or fractions, by the version of ccxt that wrote the file",
                {"rate_unit": "percent"},
            ),
            "paradex": Misread("they are samples of a rate for eight hours, several a minute"),
        },
    ),
    Preset(
        "ccxt's fetchFundingRateHistory of Deribit",
        ("symbol", "fundingRate", "timestamp", "fundingTimestamp", "info.interest_1h"),
        {
            "time": "timestamp",
            "rate": "info.interest_1h",
            "rate_unit": "fraction",
            "interval_hours": 1.0,
            "venue": "deribit",
            "symbol_column": "symbol",
            "ignore": ("*",),  # its own rate is the sum of the last eight hours
        },
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
        instead={"open_interest_usd": "open"},
        history=False,
    ),
    Preset(
        "Coinglass, bars of the rate, short names",
        ("t", "o", "h", "l", "c"),
        {**_BARS, "time": "t"},
        needs={**_BAR_NEEDS, "rate": "c", "symbol": "BTCUSDT"},
        bars=True,
        instead={"open_interest_usd": "o"},
        history=False,
    ),
    Preset(
        "Coinalyze, bars of the rate",
        ("symbol", "t", "o", "h", "l", "c"),
        {**_BARS, "time": "t", "symbol_column": "symbol", "symbol_form": "{symbol}_PERP.*"},
        needs={**_BAR_NEEDS, "rate": "c"},
        bars=True,
        instead={"open_interest_base": "o"},
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
