"""Asset checks that ask the lake itself: schema, keys, freshness."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg
from duckdb import DuckDBPyConnection

from funding_platform.core.schema import Table
from funding_platform.core.tables import (
    CURVE_FACTORS,
    CURVE_SNAPSHOTS,
    FUNDING_RATES,
    INSTRUMENTS,
    MARKET_SNAPSHOTS,
)
from funding_platform.defs.features import feature_key
from funding_platform.defs.raw import raw_key
from funding_platform.defs.resources import LakeResource
from funding_platform.flows.checks import (
    Answer,
    history_fresh,
    keys_unique,
    schema_as_declared,
    seen_lately,
)

Question = Callable[[DuckDBPyConnection], Answer]

DESCRIPTIONS = {
    "schema": "Columns and types equal the declaration in core.tables.",
    "unique_key": "No key is there twice.",
    "fresh": "The newest row is as recent as it should be.",
}


def lake_checks(venues: Sequence[str]) -> list[dg.AssetChecksDefinition]:
    """Every check of every asset in the lake."""
    return [
        *(check for venue in venues for check in _venue_checks(venue)),
        *(_schema_check(feature_key(table), table) for table in (CURVE_SNAPSHOTS, CURVE_FACTORS)),
    ]


def _venue_checks(venue: str) -> Iterator[dg.AssetChecksDefinition]:
    """Schema, key and freshness of each of a venue's collected tables."""
    freshness: dict[Table, Question] = {
        FUNDING_RATES: lambda lake: history_fresh(lake, venue, datetime.now(UTC)),
        INSTRUMENTS: lambda lake: seen_lately(
            lake, INSTRUMENTS, "last_seen_at", venue, datetime.now(UTC)
        ),
        MARKET_SNAPSHOTS: lambda lake: seen_lately(
            lake, MARKET_SNAPSHOTS, "observed_at", venue, datetime.now(UTC)
        ),
    }
    for table, fresh in freshness.items():
        key = raw_key(venue, table)
        yield _schema_check(key, table)
        yield _check(key, "unique_key", _key_question(table, venue))
        yield _check(key, "fresh", fresh)


def _schema_check(key: dg.AssetKey, table: Table) -> dg.AssetChecksDefinition:
    return _check(key, "schema", lambda lake: schema_as_declared(lake, table))


def _key_question(table: Table, venue: str) -> Question:
    return lambda lake: keys_unique(lake, table, venue)


def _check(key: dg.AssetKey, name: str, question: Question) -> dg.AssetChecksDefinition:
    """One question about one asset."""

    @dg.asset_check(asset=key, name=name, description=DESCRIPTIONS[name])
    def ask(lake: LakeResource) -> dg.AssetCheckResult:
        with lake.get_connection() as connection:
            answer = question(connection)
        return dg.AssetCheckResult(
            passed=answer.passed,
            description=answer.verdict,
            metadata={figure: str(value) for figure, value in answer.figures.items()},
        )

    return ask
