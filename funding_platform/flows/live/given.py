"""What the board is handed from the lake: fees, the past of pairs, and the limits of the marts."""

from typing import Final

import duckdb
import polars as pl
import yaml

from funding_platform.arbitrage.formulas import BOOK_IMPACT_BPS
from funding_platform.core.assumptions import DEPTH_SHARE
from funding_platform.core.market.price_gap import MAX_PRICE_GAP_BPS
from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH, SIZES_USD
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.fees import BASE_TIER, FEE_HISTORY, fees_in_force_at
from funding_platform.core.tables.marts.latest import LATEST_FUNDING_RATES
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.core.tables.schema import UTC_TIME, Table
from funding_platform.core.time_grid import SKEW
from funding_platform.flows.queries.connection import answer, require_built
from funding_platform.lake.connection import has_table
from funding_platform.live.pairs.legs import DEPTH, MARKET, Limits
from funding_platform.live.pairs.slots import PAST
from funding_platform.live.pairs.table import Given
from funding_platform.settings import project_file

_IN_PYTHON: Final = {"depth_share": DEPTH_SHARE, "wide_price_gap_bps": MAX_PRICE_GAP_BPS}
"""Variables of dbt whose values are declared in ``core``, unless the project states others."""


_IMPACTS: Final = ", ".join(
    f"{BOOK_IMPACT_BPS.of(buy_bps=f'buy_{size}_bps', sell_bps=f'sell_{size}_bps')} AS {name}"
    for name, size in zip(DEPTH, SIZES_USD, strict=True)
)
_NEWEST_BOOKS: Final = f"""
SELECT {", ".join(INSTRUMENT_KEY)}, {_IMPACTS}, observed_at AS measured_at
FROM {ORDER_BOOK_DEPTH.full_name}
WHERE ({", ".join(INSTRUMENT_KEY)}, snapshot_hour) IN (
    SELECT ({", ".join(INSTRUMENT_KEY)}, max(snapshot_hour)) FROM {ORDER_BOOK_DEPTH.full_name}
    WHERE observed_at <= now() + $skew
    GROUP BY {", ".join(INSTRUMENT_KEY)}
)
"""


def given_for_pairs(connection: duckdb.DuckDBPyConnection) -> Given:
    """Read what the table of opportunities is made with, beside the board.

    Raises
    ------
    NotBuiltError
        If dbt has not built the marts.
    """
    for mart in (FEE_HISTORY, OPPORTUNITIES, LATEST_FUNDING_RATES):
        require_built(connection, mart)
    fees = f"FROM ({fees_in_force_at('now()')}) WHERE tier = $base"
    return Given(
        fees=answer(connection, FEE_HISTORY.polars_schema, fees, {"base": BASE_TIER}),
        past=_columns(connection, OPPORTUNITIES, (*OPPORTUNITIES.key, *PAST, "discovered_at")),
        market=_columns(connection, LATEST_FUNDING_RATES, (*INSTRUMENT_KEY, *MARKET)),
        depth=_depth(connection),
        limits=mart_limits(),
    )


def _depth(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Read the newest measurement of every order book; none of a lake that knows no such table."""
    key, impacts = (
        {name: pl.String() for name in INSTRUMENT_KEY},
        dict.fromkeys(DEPTH, pl.Float64()),
    )
    schema = pl.Schema({**key, **impacts, "measured_at": UTC_TIME})
    if not has_table(connection, ORDER_BOOK_DEPTH):
        return pl.DataFrame(schema=schema)
    return answer(connection, schema, _NEWEST_BOOKS, {"skew": SKEW})


def mart_limits() -> Limits:
    """Read the figures that the marts are built with: variables of ``dbt_project.yml``."""
    text = project_file("dbt_project/dbt_project.yml").read_text(encoding="utf-8")
    stated = {**_IN_PYTHON, **yaml.safe_load(text)["vars"]}
    return Limits(**{name: float(stated[name]) for name in Limits.__slots__})


def _columns(
    connection: duckdb.DuckDBPyConnection, table: Table, columns: tuple[str, ...]
) -> pl.DataFrame:
    schema = pl.Schema({name: table.column(name).type.polars for name in columns})
    return answer(connection, schema, f"SELECT {', '.join(columns)} FROM {table.full_name}")
