"""Asking the marts, and saying in words why they cannot answer.

What goes well costs one query. Another goes before it where the filter names bases, symbols or
venues, since a name that nothing has would match nothing, or exclude nothing; and another where it
prices anew, for the fees.
"""

from collections.abc import Iterable
from typing import Final

import duckdb

from funding_platform.arbitrage.errors import NoOpportunitiesError, UnknownChoiceError
from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform.arbitrage.pricing import Fees, priced
from funding_platform.core.tables.fees import BASE_TIER, FEE_HISTORY, fees_in_force_at
from funding_platform.core.tables.marts.latest import BUILD_MARTS
from funding_platform.core.tables.schema import Table
from funding_platform.core.validation_errors import did_you_mean

_FEES_IN_FORCE: Final = (
    f"SELECT venue, tier, maker_bps, taker_bps FROM ({fees_in_force_at('now()')})"
)

_SOURCES: Final = {
    "bases": ("base",),
    "symbols": ("long_symbol", "short_symbol"),
    "venues": ("long_venue", "short_venue"),
    "long_venues": ("long_venue", "short_venue"),
    "short_venues": ("long_venue", "short_venue"),
    "exclude_venues": ("long_venue", "short_venue"),
}
"""Where the names are that a field of the filter may take."""


def ask(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    parameters: dict[str, object],
    wanted: OpportunityFilter,
    table: Table,
) -> duckdb.DuckDBPyConnection:
    """Ask about opportunities at the filter's costs; return the connection with the answer.

    A venue that has no row may be named, as long as its fees are known: one that is down today is
    no slip of the pen.

    Parameters
    ----------
    sql
        The question, with ``{rows}`` where the priced rows of the table are to stand.

    Raises
    ------
    NoOpportunitiesError
        If a table is not there or lacks a declared column, or that of opportunities has no row.
    UnknownChoiceError
        If a name in the filter is unknown.
    """
    try:
        _require_known_names(wanted, connection, table)
        fees = _chosen_fees(wanted.fee_tiers, connection) if wanted.prices_anew else []
        rows, of_rows = priced(wanted, table, fees)
        return connection.execute(sql.format(rows=rows), {**of_rows, **parameters})
    except (duckdb.CatalogException, duckdb.BinderException):
        for needed in (table, FEE_HISTORY) if wanted.prices_anew else (table,):
            _require_table(connection, needed)
        raise


def require_rows(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """See that the table has a row.

    Raises
    ------
    NoOpportunitiesError
        If it has none.
    """
    if connection.execute(f"SELECT 1 FROM {table.full_name} LIMIT 1").fetchone() is None:
        raise NoOpportunitiesError(
            f"{table.full_name} has no rows: no base is listed on two venues in dollar quotes",
            hint="collect more venues (`funding collect`), then `funding transform`",
        )


def _require_table(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Refuse a table that is not there or lacks a column that it is declared to have."""
    try:
        described = connection.execute(f"DESCRIBE {table.full_name}").fetchall()
    except duckdb.CatalogException as error:
        raise NoOpportunitiesError(
            f"there is no table {table.full_name}: the marts have not been built yet",
            hint=BUILD_MARTS,
        ) from error
    lacking = set(table.column_names) - {name for name, *_ in described}
    if lacking:
        raise NoOpportunitiesError(
            f"{table.full_name} was built by an older version: it lacks "
            f"{', '.join(sorted(lacking))}",
            hint=BUILD_MARTS,
        )


def _require_known_names(
    wanted: OpportunityFilter, connection: duckdb.DuckDBPyConnection, table: Table
) -> None:
    """Require every name in the filter to be one that the table has, or a venue with fees."""
    named = {field: names for field in _SOURCES if (names := getattr(wanted, field))}
    if not named:
        return
    columns = sorted({column for field in named for column in _SOURCES[field]})
    rows = connection.execute(
        f"SELECT DISTINCT unnest({columns}), unnest([{', '.join(columns)}]) FROM {table.full_name}"
    ).fetchall()
    if not rows:
        require_rows(connection, table)
    for field, names in named.items():
        known = {name for column, name in rows if column in _SOURCES[field]}
        if not known.issuperset(names) and field.endswith("venues"):
            known |= _venues_with_fees(connection)
        _require_names(field, names, known, table)


def _require_names(field: str, names: Iterable[str], known: set[str], table: Table) -> None:
    """Require every name to be known; if one is not, the message offers those most like it."""
    if unknown := [name for name in names if name not in known]:
        listing = " UNION ".join(
            f"SELECT {name} FROM {table.full_name}" for name in _SOURCES[field]
        )
        raise UnknownChoiceError(
            f"{field}: {table.full_name} does not know "
            + ", nor ".join(f"{name!r}{did_you_mean(name, known)}" for name in unknown),
            hint=f'what it knows: funding query "{listing}"',
        )


def _venues_with_fees(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the venues that are known, though they may have no row today."""
    try:
        found = connection.execute(f"SELECT DISTINCT venue FROM {FEE_HISTORY.full_name}")
    except duckdb.CatalogException:  # a copy of the marts that came without their fees
        return set()
    return {name for (name,) in found.fetchall()}


def _chosen_fees(tiers: dict[str, str], connection: duckdb.DuckDBPyConnection) -> list[Fees]:
    """Read the fees in force now of every venue: at the tier named for it, else at its base."""
    in_force = [Fees(*row) for row in connection.execute(_FEES_IN_FORCE).fetchall()]
    for venue, tier in tiers.items():
        known = sorted(fees.tier for fees in in_force if fees.venue == venue)
        if not known:
            raise UnknownChoiceError(
                f"fee_tiers: no fees of {venue!r} are known"
                f"{did_you_mean(venue, {fees.venue for fees in in_force})}",
                hint="`funding fees list` shows what is known, `funding fees set` adds to it",
            )
        if tier not in known:
            raise UnknownChoiceError(
                f"fee_tiers: {venue} has no tier {tier!r}{did_you_mean(tier, known)}",
                hint=f"its tiers are: {', '.join(known)}",
            )
    return [fees for fees in in_force if fees.tier == tiers.get(fees.venue, BASE_TIER)]
