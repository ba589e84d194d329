"""The market now, instrument by instrument: as the lake saw it last, or as the board stands.

Both give the same columns in the same units, so that whoever asks need not care which answered.
Prices are per unit of the canonical base, whatever the venue's contract counts.
"""

from collections.abc import Iterable
from typing import Final

import duckdb
import polars as pl

from funding_platform.core.market.asset_classes import UNSAID
from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.core.tables.columns import INSTRUMENT_KEY, PER_8H, PER_YEAR, real_column
from funding_platform.core.tables.marts.latest import LATEST_FUNDING_RATES
from funding_platform.core.tables.schema import Column, Type, schema_of
from funding_platform.core.units import TENORS_PER_YEAR, apr, rate_8h
from funding_platform.core.validation_errors import did_you_mean
from funding_platform.flows.errors import NothingStoredError
from funding_platform.flows.queries.connection import LISTED_HINT, answer, require_built

_PREDICTED = (
    "predicted_rate",
    "predicted_interval_hours",
    "predicted_rate_8h",
    "predicted_apr",
    "next_funding_time",
)
_SETTLED = (
    "settled_time",
    "settled_rate",
    "settled_interval_hours",
    "settled_rate_8h",
    "settled_apr",
)
_MARKET = ("mark_price", "index_price", "open_interest_usd", "volume_24h_usd", "spread_bps")

CURRENT_RATES: Final = tuple(
    LATEST_FUNDING_RATES.column(name)
    for name in (
        *(*INSTRUMENT_KEY, "base", "quote", "contract_type", "asset_class"),
        *_PREDICTED,
        *_SETTLED,
        *_MARKET,
        "observed_at",
    )
)
"""What ``stored_rates`` and ``board_rates`` return."""

FACTS: Final = tuple(
    INSTRUMENTS.column(name)
    for name in (
        *("settle", "multiplier", "contract_size", "tick_size", "min_size", "status"),
        *("listed_at", "first_seen_at", "last_seen_at"),
    )
)
"""What ``with_facts`` adds."""

_OF_EITHER: Final = (
    *("venue_symbol", "predicted_rate", "predicted_interval_hours", "predicted_rate_8h"),
    *("next_funding_time", "mark_price", "spread_bps"),
)

COMPARED_RATES: Final = (
    LATEST_FUNDING_RATES.column("base"),
    LATEST_FUNDING_RATES.column("asset_class"),
    *(
        Column(f"{side}_{name}", of.type, f"Of the {side} venue: {of.description}", of.unit, True)
        for name in _OF_EITHER
        for of in [LATEST_FUNDING_RATES.column(name)]
        for side in ("first", "second")
    ),
    real_column("difference_8h", "second_predicted_rate_8h - first_predicted_rate_8h.", PER_8H),
    real_column("difference_apr", "difference_8h annualised, simple.", PER_YEAR),
    real_column(
        "price_gap_bps", "second_mark_price / first_mark_price - 1.", "basis points of the first"
    ),
    Column("observed_at", Type.TIME, "The older of the two looks."),
)
"""What ``compare_rates`` returns."""

_STORED: Final = f"FROM {LATEST_FUNDING_RATES.full_name} ORDER BY venue, venue_symbol"
_FACTS: Final = f"FROM {INSTRUMENTS.full_name}"


def stored_rates(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Read what every instrument paid last and is expected to pay next, as the lake knows it.

    Returns
    -------
    polars.DataFrame
        ``CURRENT_RATES``, by venue and symbol.

    Raises
    ------
    NotBuiltError
        If the marts have not been built yet.
    """
    require_built(connection, LATEST_FUNDING_RATES)
    return answer(connection, schema_of(CURRENT_RATES), _STORED)


def board_rates(board: pl.DataFrame, stored: pl.DataFrame | None) -> pl.DataFrame:
    """Write the live board in the columns of ``stored_rates``.

    Parameters
    ----------
    board
        The frame ``board`` that the collector hands out.
    stored
        What ``stored_rates`` returns, for what has settled and for classes of assets; those are
        null without it.

    Returns
    -------
    polars.DataFrame
        ``CURRENT_RATES``, by venue and symbol: of instruments whose rate or mark is known.
    """
    schema = schema_of(CURRENT_RATES)
    if stored is None:
        stored = schema.to_frame()
    rate, hours = pl.col("predicted_rate"), pl.col("interval_hours")
    return (
        board.filter(pl.any_horizontal(rate.is_not_null(), pl.col("mark_price").is_not_null()))
        .with_columns(
            hours.alias("predicted_interval_hours"),
            rate_8h(rate, hours).alias("predicted_rate_8h"),
            apr(rate, hours).alias("predicted_apr"),
            *(pl.col(name) / pl.col("multiplier") for name in ("mark_price", "index_price")),
        )
        .join(
            stored.select(*INSTRUMENT_KEY, "asset_class", *_SETTLED), on=INSTRUMENT_KEY, how="left"
        )
        .select(schema.names())
        .cast(schema)
        .sort(INSTRUMENT_KEY)
    )


def narrowed(
    rates: pl.DataFrame,
    *,
    venue: str | None = None,
    base: str | None = None,
    symbol: str | None = None,
) -> pl.DataFrame:
    """Take the rows of a venue, a base, a symbol.

    Raises
    ------
    NothingStoredError
        If something was named that no row has.
    """
    for column, name in (("venue", venue), ("base", base), ("venue_symbol", symbol)):
        if name is None:
            continue
        known = rates[column].drop_nulls().unique().sort()
        rates = rates.filter(pl.col(column) == name)
        if rates.is_empty():
            raise NothingStoredError(
                f"{column}: there is no {name!r}{did_you_mean(name, known)}",
                hint=LISTED_HINT,
            )
    return rates


def with_facts(connection: duckdb.DuckDBPyConnection, rates: pl.DataFrame) -> pl.DataFrame:
    """Add ``FACTS`` of each instrument; null where it was never listed."""
    facts = answer(connection, INSTRUMENTS.polars_schema, _FACTS)
    names = [column.name for column in FACTS]
    return rates.join(facts.select(*INSTRUMENT_KEY, *names), on=INSTRUMENT_KEY, how="left")


def compare_rates(
    rates: pl.DataFrame, first: str, second: str, bases: Iterable[str] = ()
) -> pl.DataFrame:
    """Set the rates of two venues side by side: every asset that both list, contract by contract.

    ``difference_8h = second_predicted_rate_8h - first_predicted_rate_8h``: above 0 the second
    venue's longs pay more.

    Returns
    -------
    polars.DataFrame
        ``COMPARED_RATES``, by the size of the difference, the largest first; null ones last.
    """
    schema = schema_of(COMPARED_RATES)
    wanted = list(bases)
    if wanted:
        rates = rates.filter(pl.col("base").is_in(wanted))
    rates = rates.with_columns(class_of=pl.col("asset_class").fill_null(UNSAID))
    sides = [
        rates.filter(venue=venue).select(
            "base",
            "class_of",
            "asset_class",
            pl.col("observed_at").alias(f"{side}_observed_at"),
            *(pl.col(name).alias(f"{side}_{name}") for name in _OF_EITHER),
        )
        for side, venue in (("first", first), ("second", second))
    ]
    difference = pl.col("second_predicted_rate_8h") - pl.col("first_predicted_rate_8h")
    gap = pl.col("second_mark_price") / pl.col("first_mark_price") - 1
    return (
        sides[0]
        .filter(pl.col("class_of") != "other")
        .join(sides[1].drop("asset_class"), on=["base", "class_of"])
        .with_columns(
            difference.alias("difference_8h"),
            (difference * TENORS_PER_YEAR).alias("difference_apr"),
            pl.when(pl.col("first_mark_price") > 0).then(gap * 1e4).alias("price_gap_bps"),
            pl.min_horizontal("first_observed_at", "second_observed_at").alias("observed_at"),
        )
        .sort(
            pl.col("difference_8h").abs(),
            "base",
            "first_venue_symbol",
            "second_venue_symbol",
            descending=[True, False, False, False],
            nulls_last=True,
        )
        .select(schema.names())
        .cast(schema)
    )
