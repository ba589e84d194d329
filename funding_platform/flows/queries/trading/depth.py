"""How deep the books of an instrument were when they were looked at last."""

from typing import Final

import duckdb
import polars as pl

from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH
from funding_platform.flows.errors import NothingStoredError
from funding_platform.flows.queries.connection import answer
from funding_platform.flows.queries.rates.history import require_instrument
from funding_platform.lake.connection import has_table

_NEWEST: Final = (
    f"FROM {ORDER_BOOK_DEPTH.full_name} WHERE venue = $venue AND venue_symbol = $symbol "
    "ORDER BY observed_at DESC LIMIT 1"
)


def newest_depth(connection: duckdb.DuckDBPyConnection, venue: str, symbol: str) -> pl.DataFrame:
    """Read the last look at an instrument's book: one row of ``core.order_book_depth``.

    Raises
    ------
    NothingStoredError
        If there is no such instrument, or its book was never looked at.
    """
    asked = {"venue": venue, "symbol": symbol}
    schema = ORDER_BOOK_DEPTH.polars_schema
    known = has_table(connection, ORDER_BOOK_DEPTH)
    found = answer(connection, schema, _NEWEST, asked) if known else schema.to_frame()
    if found.is_empty():
        require_instrument(connection, venue, symbol)
        raise NothingStoredError(
            f"symbol: the book of {venue} {symbol} was never looked at",
            hint="each hour the books of the legs of the best pairs are measured",
        )
    return found
