"""What venues are, and what they list."""

from collections.abc import Iterable
from typing import Final

import duckdb
import polars as pl

from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.core.tables.columns import text_column, time_column
from funding_platform.core.tables.schema import Column, Type, schema_of
from funding_platform.flows.queries.connection import answer
from funding_platform.settings import Settings
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
    """Tell what is known of venues before they are asked anything: rows of ``VENUE_FACTS``.

    Raises
    ------
    UnknownVenueError
        If nothing is registered under one of the names.
    """
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
    UnknownVenueError
        If nothing of that name is registered.
    """
    venue_spec(venue)
    asked = {"venue": venue, "base": base, "status": status}
    return answer(connection, INSTRUMENTS.polars_schema, _LISTED, asked)


def collected_venues(settings: Settings) -> tuple[str, ...]:
    """Return the names of the venues that the settings name, else of all that are registered."""
    return settings.venues or venue_names()
