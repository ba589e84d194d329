"""Files of candles and of open interest that are known by their columns."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from funding_platform.core.tables.prices import OPEN_INTEREST, PRICE_CANDLES, SPOT_CANDLES
from funding_platform.flows.importing.files.peek import KLINE_COLUMNS, METATRADER_COLUMNS
from funding_platform.flows.importing.presets import Preset
from funding_platform.flows.importing.symbols import COIN_MARGINED

KLINES: Final = Preset(
    "Binance's public data, klines of any market",
    KLINE_COLUMNS[:8],
    {
        "time": "open_time",
        "venue": "binance",
        "path": "{symbol}-{bar}-*",
        "ignore": KLINE_COLUMNS[5:],
    },
    needs={"table": "price_candles", "kind": "trade"},
    table=PRICE_CANDLES.name,
)

SERIES_PRESETS: Final = (
    KLINES,
    Preset(
        "OKX's public archive, candlesticks of swaps",
        ("instrument_name", "open", "high", "low", "close", "vol", "vol_ccy", "vol_quote"),
        {
            "time": "open_time",
            "time_unit": "ms",
            "kind": "trade",
            "venue": "okx",
            "symbol_column": "instrument_name",
            "volume_base": "vol_ccy",
            "volume_quote": "vol_quote",
            "closed": "confirm",
            "ignore": ("vol",),
        },
        table=PRICE_CANDLES.name,
    ),
    Preset(
        "Bybit's public archive, bars for MetaTrader",
        METATRADER_COLUMNS,
        {
            "date": "mt4_date",
            "time": "mt4_time",
            "time_unit": "iso",
            "kind": "trade",
            "venue": "bybit",
            "path": "{symbol}_*_*_*",
            "ignore": ("volume", "ticks"),  # of inverse contracts in dollars, else in the base
        },
        needs={"time_zone": "UTC"},  # those who have measured it do not agree: UTC, or UTC+3
        table=PRICE_CANDLES.name,
    ),
    Preset(
        "Coinglass, bars of trades",
        ("time", "open", "high", "low", "close", "volume_usd"),
        {
            "time": "time",
            "time_unit": "ms",
            "kind": "trade",
            "volume_quote": "volume_usd",
            "quote": "USD",
        },
        needs={"venue": "binance", "symbol": "BTCUSDT"},
        table=PRICE_CANDLES.name,
    ),
    Preset(
        "Coinalyze, bars of trades",
        ("symbol", "t", "o", "h", "l", "c", "v"),
        {
            "time": "t",
            "time_unit": "s",
            "open": "o",
            "high": "h",
            "low": "l",
            "close": "c",
            "kind": "trade",
            "symbol_column": "symbol",
            "symbol_form": "{symbol}_PERP.*",
            "ignore": ("v", "bv", "tx", "btx"),  # in the base or in dollars, as was asked for
        },
        needs={"venue": "binance"},
        table=PRICE_CANDLES.name,
    ),
    Preset(
        "a folder of prices that the sandbox can replay",
        ("time_ms", "open", "high", "low", "close", "volume"),
        {
            "time": "time_ms",
            "time_unit": "ms",
            "path": "{venue}/{symbol}_{bar}.csv",
            "ignore": ("volume",),  # of some venues in contracts, and the file does not say so
        },
        needs={"kind": "trade"},
        table=PRICE_CANDLES.name,
    ),
    Preset(
        "Binance's public data, metrics",
        ("create_time", "symbol", "sum_open_interest", "sum_open_interest_value"),
        {
            "time": "create_time",
            "time_unit": "iso",
            "time_zone": "UTC",
            "open_interest_base": "sum_open_interest",
            "open_interest_usd": "sum_open_interest_value",
            "sides": 1,
            "venue": "binance",
            "symbol_column": "symbol",
            "ignore": ("*ratio",),
        },
        table=OPEN_INTEREST.name,
    ),
    Preset(
        "ccxt's fetchOpenInterestHistory",
        ("symbol", "timestamp", "openInterestAmount", "openInterestValue"),
        {
            "time": "timestamp",
            "time_unit": "ms",
            "open_interest_base": "openInterestAmount",
            "open_interest_usd": "openInterestValue",
            "symbol_column": "symbol",
            "ignore": ("datetime", "info", "info.*", "baseVolume", "quoteVolume"),
        },
        needs={"venue": "binance", "sides": "1"},
        table=OPEN_INTEREST.name,
    ),
    Preset(
        "a folder of open interest that the sandbox can replay",
        ("time_ms", "open_interest", "unit"),
        {
            "time": "time_ms",
            "time_unit": "ms",
            "open_interest": "open_interest",
            "unit_column": "unit",
            "path": "{venue}/{symbol}_*.csv",
        },
        needs={"sides": "2"},  # Bybit counts longs and shorts, others one of them
        table=OPEN_INTEREST.name,
    ),
)

_KINDS: Final = {
    "klines": "trade",
    "markpriceklines": "mark",
    "indexpriceklines": "index",
    "premiumindexklines": "premium",
}
_VOLUMES: Final = {
    "um": {"volume_base": "volume", "volume_quote": "quote_volume"},
    "spot": {"volume_base": "volume", "volume_quote": "quote_volume"},
    "cm": {"volume_contracts": "volume", "volume_base": "quote_volume"},
}
"""Of trades; of mark and index prices these columns hold zeros."""


def kline_fields(paths: Iterable[Path], table: str | None) -> dict[str, Any]:
    """Tell what a kline file of Binance is by where it lies and how it is called.

    The folders of the public data, ``futures/um/monthly/markPriceKlines/BTCUSDT/1h/``, say whose
    prices a file has, and of what; its rows do not. ``kind`` may be ``premium``, no price at all.

    Parameters
    ----------
    table
        The table that the rows are for, if that was told.
    """
    absolute = [path.absolute() for path in paths]
    folders = {part.casefold() for path in absolute for part in path.parts[:-1]}
    said: dict[str, Any] = {}
    kinds = folders & set(_KINDS)
    if len(kinds) == 1:
        said["kind"] = _KINDS[kinds.pop()]
    markets = folders & set(_VOLUMES)
    if len(markets) == 1:
        market = markets.pop()
    elif table is None:
        return said
    elif table == SPOT_CANDLES.name:
        market = "spot"
    else:
        market = "cm" if any("USD_" in path.name for path in absolute) else "um"
    said["table"] = SPOT_CANDLES.name if market == "spot" else PRICE_CANDLES.name
    said["volumes"] = _VOLUMES[market]
    if market == "cm":
        said["venue"] = COIN_MARGINED
    return said
