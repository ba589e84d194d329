"""What the board is handed from the lake: fees, the past of pairs, and the limits of the marts."""

from typing import Final

import duckdb
import polars as pl
import yaml

from funding_platform.core.assumptions import DEPTH_SHARE
from funding_platform.core.price_gap import MAX_PRICE_GAP_BPS
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.fees import BASE_TIER, FEE_HISTORY, fees_in_force_at
from funding_platform.core.tables.marts import LATEST_FUNDING_RATES
from funding_platform.core.tables.opportunities import OPPORTUNITIES
from funding_platform.core.tables.schema import Table
from funding_platform.flows.queries.connection import answer, require_built
from funding_platform.live.pairs import Given
from funding_platform.live.pairs_legs import MARKET, Limits
from funding_platform.live.pairs_slots import PAST
from funding_platform.settings import project_file

_IN_PYTHON: Final = {"depth_share": DEPTH_SHARE, "wide_price_gap_bps": MAX_PRICE_GAP_BPS}
"""Variables of dbt whose values are declared in ``core``, unless the project states others."""


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
        limits=mart_limits(),
    )


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
