"""Reading the opportunities that pass a filter."""

import duckdb
import polars as pl

from funding_platform.arbitrage.bounds import bounds_of, meets_all, ranking
from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform.arbitrage.presence import ask, require_rows
from funding_platform.arbitrage.pricing import with_reasons
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.core.tables.schema import Table


def find_opportunities(
    wanted: OpportunityFilter,
    connection: duckdb.DuckDBPyConnection,
    *,
    table: Table = OPPORTUNITIES,
) -> pl.DataFrame:
    """Find the opportunities that pass the filter, in its order.

    Where the filter states another fee mode, fee tier or size than the table was built with, fees,
    costs, nets, break-even, reasons and tier are those of the filter, at fees in force now;
    ``cost_bps`` stays the cost of crossing orders. ``net_apr`` is over the filter's horizon.

    Parameters
    ----------
    wanted
        The filter.
    connection
        A connection whose default database has the table: the lake, or the published file.
    table
        ``marts.opportunities``, or another of the same columns: ``marts.opportunities_best``.

    Returns
    -------
    polars.DataFrame
        Columns of ``marts.opportunities``; rows with an unknown sort value come last. Empty where
        no row passes: ``flows.queries.left_out`` says why.

    Raises
    ------
    NoOpportunitiesError
        If the table is not there, is of an older form, or has no rows at all.
    UnknownChoiceError
        If the filter names a base, symbol, venue or fee tier that is not known.
    """
    conditions, bound = bounds_of(wanted)
    order = ranking(wanted)
    sql = f"SELECT * FROM ({{rows}}) WHERE {meets_all(conditions)} ORDER BY {order} LIMIT $limit"
    if wanted.prices_anew:
        sql = f"{with_reasons(sql, wanted)} ORDER BY {order}"
    found = ask(connection, sql, {**bound, "limit": wanted.limit}, wanted, table).pl()
    if found.is_empty():
        require_rows(connection, table)
    return found
