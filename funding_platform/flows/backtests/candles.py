"""Prices of a backtest: the hourly candles of perpetuals and of spot markets in the lake.

A perpetual is priced by candles of one kind throughout: its mark where the lake has that as whole
as any other kind, else its trades, else its index. Which one it is stands beside every price.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

import duckdb
import polars as pl

from funding_platform.backtest.config import BacktestConfig
from funding_platform.core.symbols import DOLLARS, canonical_base
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.prices import PRICE_CANDLES, PRICING_ORDER, SPOT_CANDLES
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import HOUR
from funding_platform.flows.backtests.lake_rows import (
    Rows,
    count_rows,
    read_counted,
    rows_of_wanted,
)
from funding_platform.lake.connection import has_table

SPOT: Final = ":spot"
"""Ends the symbol of a spot market: several venues call it as they call the perpetual."""

AS_WHOLE: Final = 0.99
"""A kind of which a venue has this share of the bars that it has of another is as whole as that."""

_PRICE: Final = "available_at AS time, close AS price, high, low"
_PERPETUALS: Final = Rows(
    table=PRICE_CANDLES.full_name,
    time="open_time",
    columns=_PRICE,
    order="time",
    key=(*INSTRUMENT_KEY, "kind"),
)
_SPOT_MARKETS: Final = Rows(
    table=SPOT_CANDLES.full_name,
    time="open_time",
    columns=_PRICE,
    order="time",
)
_DAY: Final = 24
_SPOT_VOLUMES: Final = f"""
WITH days AS (
    SELECT venue, venue_symbol, available_at,
        sum(volume_usd) OVER day AS volume_24h_usd, count(volume_usd) OVER day AS bars
    FROM {SPOT_CANDLES.full_name}
    WHERE open_time >= $start - INTERVAL '{_DAY + 1} HOURS' AND open_time <= $end
    WINDOW day AS (
        PARTITION BY venue, venue_symbol ORDER BY open_time
        RANGE BETWEEN INTERVAL '{_DAY - 1} HOURS' PRECEDING AND CURRENT ROW
    )
)
SELECT instrument, available_at AS observed_at, volume_24h_usd
FROM days JOIN wanted_spot USING (venue, venue_symbol)
WHERE available_at BETWEEN $start AND $end AND bars = {_DAY}
ORDER BY instrument, available_at
"""
"""The turnover of the day that ends with a bar, where all of its bars say theirs."""

_KIND: Final = pl.Enum(PRICING_ORDER)
"""A byte per row: as texts, the kinds of bars would take as much memory as their prices."""

_MARKETS: Final = """
SELECT DISTINCT venue, venue_symbol AS market, base, quote FROM core.spot_candles
WHERE upper(quote) IN (SELECT unnest($dollars)) AND base IN (SELECT unnest($bases))
"""
_SPOT_SCHEMA: Final = {
    "venue": pl.String(),
    "venue_symbol": pl.String(),
    "base": pl.String(),
    "quote": pl.String(),
    "multiplier": pl.Float64(),
    "contract_type": pl.String(),
    "market": pl.String(),
}


def spot_instruments(
    lake: duckdb.DuckDBPyConnection, config: BacktestConfig, bases: pl.Series
) -> pl.DataFrame:
    """List the spot markets that a configuration asks for, as instruments.

    Those quoted in a dollar: a price in another currency is not comparable to a perpetual's.

    Parameters
    ----------
    bases
        Of the perpetuals beside which they are held.

    Returns
    -------
    polars.DataFrame
        ``venue``, ``venue_symbol`` (that of the market and ``SPOT``), ``base``, ``quote``,
        ``multiplier``, ``contract_type`` (``spot``) and ``market``, the venue's own symbol.
    """
    none = pl.DataFrame(schema=_SPOT_SCHEMA)
    if not has_table(lake, SPOT_CANDLES):
        return none
    asked = {"dollars": list(DOLLARS), "bases": bases.unique().to_list()}
    markets = lake.execute(_MARKETS, asked).pl()
    if config.venues:
        markets = markets.filter(pl.col("venue").is_in(list(config.venues)))
    names = pl.col("market") + SPOT
    if config.symbols:
        wanted = list(config.symbols)
        markets = markets.filter(pl.col("market").is_in(wanted) | names.is_in(wanted))
    if markets.is_empty():
        return none
    factors = [float(canonical_base(market).multiplier) for market in markets["market"]]
    return markets.select(
        "venue",
        names.alias("venue_symbol"),
        "base",
        "quote",
        pl.Series("multiplier", factors, dtype=pl.Float64),
        pl.lit("spot").alias("contract_type"),
        "market",
    )


def candle_prices(
    lake: duckdb.DuckDBPyConnection,
    wanted: pl.DataFrame,
    spot: pl.DataFrame,
    window: Mapping[str, datetime],
    *,
    by: Collection[str] = (),
) -> pl.DataFrame | None:
    """Read closes at the ends of their bars; None where the lake has no candle of what is wanted.

    Parameters
    ----------
    wanted
        ``instrument``, ``venue``, ``venue_symbol`` and ``since``.
    spot
        What ``spot_instruments`` gives.
    window, by
        As ``rows_of_wanted`` has them.

    Returns
    -------
    polars.DataFrame
        ``instrument``, ``time``, ``price``, ``high`` and ``low`` of the bar, and ``kind``, one of
        ``PRICING_ORDER``.
    """
    parts = []
    opened = {name: moment - HOUR for name, moment in window.items()}
    if has_table(lake, PRICE_CANDLES):
        counted = count_rows(lake, _PERPETUALS, wanted, opened, by=by)
        chosen = _of_one_kind(counted)
        fewer = chosen["kind"].n_unique() < counted["kind"].n_unique()
        bars = read_counted(lake, _PERPETUALS, chosen, opened, by=[*by, "kind"] if fewer else by)
        kinds = wanted.join(chosen, on="instrument", how="left", maintain_order="left")["kind"]
        parts.append(bars.with_columns(kinds.cast(_KIND).gather(bars["instrument"])))
    if not spot.is_empty():
        deals = pl.lit("trade", dtype=_KIND).alias("kind")
        spots = rows_of_wanted(lake, _SPOT_MARKETS, _markets(wanted, spot), opened, by=by)
        parts.append(spots.with_columns(deals))
    some = [part for part in parts if not part.is_empty()]
    return pl.concat(some) if some else None


def spot_volumes(
    lake: duckdb.DuckDBPyConnection,
    wanted: pl.DataFrame,
    spot: pl.DataFrame,
    window: Mapping[str, datetime],
) -> list[pl.DataFrame]:
    """Read the turnover of spot markets over the 24 hours up to each bar's end; none without any.

    Parameters are those of ``candle_prices``.

    Returns
    -------
    list of polars.DataFrame
        ``instrument``, ``observed_at`` and ``volume_24h_usd``.
    """
    if spot.is_empty():
        return []
    lake.register("wanted_spot", _markets(wanted, spot))
    return [lake.execute(_SPOT_VOLUMES, window).pl()]


def _markets(wanted: pl.DataFrame, spot: pl.DataFrame) -> pl.DataFrame:
    """Give the spot markets their numbers among the instruments, by the venue's own symbols."""
    markets = spot.select(*INSTRUMENT_KEY, "market")
    numbered = wanted.select("instrument", *INSTRUMENT_KEY).join(markets, on=INSTRUMENT_KEY)
    never = pl.lit(None, dtype=UTC_TIME).alias("since")
    return numbered.select("instrument", "venue", pl.col("market").alias("venue_symbol"), never)


def _of_one_kind(counted: pl.DataFrame) -> pl.DataFrame:
    """Keep of each instrument that has candles the kind that prices it.

    Parameters
    ----------
    counted
        ``instrument``, ``kind`` and ``rows``, one row per instrument and kind.
    """
    rank = pl.col("kind").replace_strict(
        {kind: number for number, kind in enumerate(PRICING_ORDER)}, return_dtype=pl.Int8
    )
    whole = pl.col("rows") >= AS_WHOLE * pl.col("rows").max().over("instrument")
    ranked = counted.filter(whole).sort("instrument", rank)
    return ranked.unique("instrument", keep="first", maintain_order=True)
