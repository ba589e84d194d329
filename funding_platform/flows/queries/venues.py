"""What venues are, and what they list."""

from collections.abc import Iterable
from typing import Final

import duckdb
import polars as pl

from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.core.tables.columns import text_column, time_column
from funding_platform.core.tables.schema import Column, Type, schema_of
from funding_platform.core.validation_errors import did_you_mean
from funding_platform.flows.errors import NothingStoredError
from funding_platform.flows.queries.connection import answer
from funding_platform.settings import Settings
from funding_platform.venues.errors import UnknownVenueError
from funding_platform.venues.registry import venue_names, venue_spec
from funding_platform.venues.streams.registry import stream_class

VENUE_FACTS: Final = (
    text_column("venue", "Name of the venue."),
    text_column("title", "How people write it."),
    text_column("docs_url", "The venue's own documentation."),
    Column("offers", Type.TEXTS, "Tables that it has rows for.", nullable=False),
    Column("streamed", Type.FLAG, "Whether the live collector follows a stream of it."),
    time_column("history_start", "First month with settled rates; null where it offers none."),
)
"""What ``venue_facts`` returns."""

_LISTED: Final = (
    f"FROM {INSTRUMENTS.full_name} WHERE venue = $venue "
    "AND coalesce(base = $base, true) AND coalesce(status = $status, true) ORDER BY venue_symbol"
)


def venue_facts(names: Iterable[str]) -> pl.DataFrame:
    """Tell what is known of registered venues before they are asked: rows of ``VENUE_FACTS``.

    Raises
    ------
    UnknownVenueError
        If nothing is registered under one of the names; of what is behind ccxt nothing is known
        before it is opened.
    """
    names, registered = [*names], venue_names()
    for name in names:
        if name not in registered:
            raise UnknownVenueError(
                f"there is no venue {name!r}{did_you_mean(name, registered)}",
                venue=name,
                hint=f"registered are: {', '.join(registered)}",
            )
    specs = [venue_spec(name) for name in names]
    rows = [
        {
            "venue": spec.name,
            "title": spec.title,
            "docs_url": spec.docs_url,
            "offers": [table.full_name for table in spec.offers],
            "streamed": stream_class(spec.name) is not None,
            "history_start": spec.history_start,
        }
        for spec in specs
    ]
    return pl.DataFrame(rows, schema=schema_of(VENUE_FACTS))


def listed_instruments(
    connection: duckdb.DuckDBPyConnection,
    venue: str,
    *,
    base: str | None = None,
    status: str | None = None,
) -> pl.DataFrame:
    """Read what a venue lists or has listed: rows of ``core.instruments``.

    Raises
    ------
    NothingStoredError
        If nothing of the venue is stored, or nothing of it is as asked.
    """
    asked = {"venue": venue, "base": base, "status": status}
    found = answer(connection, INSTRUMENTS.polars_schema, _LISTED, asked)
    if found.is_empty():
        wanted = " ".join(word for word in (venue, base, status) if word)
        raise NothingStoredError(
            f"venue: no instrument of {wanted} is stored{did_you_mean(venue, venue_names())}",
            hint="`funding collect` looks at what venues list",
        )
    return found


def collected_venues(settings: Settings) -> tuple[str, ...]:
    """Return the names of the venues that the settings name, else of all that are registered."""
    return settings.venues or venue_names()
