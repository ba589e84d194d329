"""Asset checks that ask the lake itself: schema, keys, freshness.

All questions about one asset are one op over one connection: opening the lake costs more than
the answers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
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
        *(
            _checks(raw_key(venue, table), _questions(venue, table))
            for venue in venues
            for table in (FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS)
        ),
        *(
            _checks(feature_key(table), {"schema": _schema_of(table)})
            for table in (CURVE_SNAPSHOTS, CURVE_FACTORS)
        ),
    ]


def _questions(venue: str, table: Table) -> dict[str, Question]:
    """What is asked of a venue's rows in a collected table."""

    def fresh(lake: DuckDBPyConnection) -> Answer:
        now = datetime.now(UTC)
        if table is FUNDING_RATES:
            return history_fresh(lake, venue, now)
        column = "last_seen_at" if table is INSTRUMENTS else "observed_at"
        return seen_lately(lake, table, column, venue, now)

    return {
        "schema": _schema_of(table),
        "unique_key": lambda lake: keys_unique(lake, table, venue),
        "fresh": fresh,
    }


def _schema_of(table: Table) -> Question:
    return lambda lake: schema_as_declared(lake, table)


def _checks(key: dg.AssetKey, questions: Mapping[str, Question]) -> dg.AssetChecksDefinition:
    """The questions about one asset, each a check of its own in the UI."""

    @dg.multi_asset_check(
        name="_".join([*key.path, "checks"]),
        specs=[
            dg.AssetCheckSpec(name, asset=key, description=DESCRIPTIONS[name]) for name in questions
        ],
    )
    def ask(lake: LakeResource) -> Iterator[dg.AssetCheckResult]:
        with lake.get_connection() as connection:
            for name, question in questions.items():
                answer = question(connection)
                yield dg.AssetCheckResult(
                    asset_key=key,
                    check_name=name,
                    passed=answer.passed,
                    description=answer.verdict,
                    metadata={figure: str(value) for figure, value in answer.figures.items()},
                )

    return ask
