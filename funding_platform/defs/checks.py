"""Asset checks that ask the lake itself: schema, keys, freshness.

All questions about one asset are one op over one connection: opening the lake costs more than
the answers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import dagster as dg
import polars as pl
from duckdb import DuckDBPyConnection

from funding_platform.core.tables.backtests.runs import RUNS
from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.features.curves import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.tables.features.pca import PCA_MODELS, PCA_SCORES
from funding_platform.core.tables.features.store import FEATURE_STORE
from funding_platform.core.tables.prices import PRICE_CANDLES, SPOT_CANDLES
from funding_platform.core.tables.schema import Table
from funding_platform.defs.assets.backtests import BACKTEST_KEY
from funding_platform.defs.assets.raw import raw_key
from funding_platform.defs.check_names import (
    BARS_SOUND,
    COMPLETE_JOIN,
    COSTS_GROW,
    COVERS_LISTED,
    EDGE_HOLDS,
    EXPLAINS,
    FEW_MISSING_BUCKETS,
    FRESH,
    FULL_RANK,
    IDENTITY_HOLDS,
    MODELS_FITTED,
    NEAR_INDEX,
    NEAR_MARK,
    NEAR_OTHERS,
    NOT_AT_REST,
    NOTHING_AHEAD,
    PREDICTED_AGREES,
    SCHEMA,
    SECOND_OPINION,
    STEADY,
    UNIQUE_KEY,
    WARN,
    Check,
)
from funding_platform.defs.presentation import figure_metadata, markdown_table, table_key
from funding_platform.defs.running.resources import LakeResource
from funding_platform.flows.checks.answer import Answer
from funding_platform.flows.checks.backtests import edge_holds, identity_holds
from funding_platform.flows.checks.books import (
    costs_grow,
    depth_asked_lately,
    mids_near_marks,
)
from funding_platform.flows.checks.features import (
    every_curve_has_features,
    models_explain,
    models_fitted,
    models_full_rank,
    models_steady,
)
from funding_platform.flows.checks.lake import (
    few_missing_buckets,
    history_fresh,
    keys_unique,
    nothing_ahead,
    predicted_agrees,
    rates_not_at_rest,
    schema_as_declared,
    second_opinion_agrees,
    seen_lately,
    snapshot_covers_listed,
)
from funding_platform.flows.checks.prices import (
    bars_sound,
    hours_fresh,
    marks_near_index,
    near_other_venues,
)
from funding_platform.flows.collection.history.hourly import HOURLY_TABLES
from funding_platform.venues.registry import venue_spec

Question = Callable[[DuckDBPyConnection], Answer]
Comparison = Callable[[DuckDBPyConnection, str, datetime], tuple[Answer, pl.DataFrame]]

SHOWN_PAIRS = 20


_MODEL_QUESTIONS: Final[dict[Check, Question]] = {
    MODELS_FITTED: models_fitted,
    FULL_RANK: models_full_rank,
    STEADY: models_steady,
    EXPLAINS: models_explain,
}


def lake_checks(venues: Sequence[str]) -> list[dg.AssetChecksDefinition]:
    """Define every check of every asset in the lake."""
    return [
        *(
            _checks(raw_key(venue, table), _questions(venue, table))
            for venue in venues
            for table in venue_spec(venue).collected
        ),
        *(
            comparison
            for venue in venues
            if FUNDING_RATES in venue_spec(venue).offers
            for comparison in (
                _comparison(
                    raw_key(venue, FUNDING_RATES), PREDICTED_AGREES, venue, predicted_agrees
                ),
                _comparison(
                    raw_key(venue, MARKET_SNAPSHOTS), SECOND_OPINION, venue, second_opinion_agrees
                ),
            )
        ),
        *(
            _checks(table_key(table), {SCHEMA: _schema_of(table), **questions})
            for table, questions in (
                (CURVE_SNAPSHOTS, {FEW_MISSING_BUCKETS: _few_missing_buckets}),
                (CURVE_FACTORS, {}),
                (PCA_MODELS, _MODEL_QUESTIONS),
                (PCA_SCORES, {}),
                (FEATURE_STORE, {COMPLETE_JOIN: every_curve_has_features}),
            )
        ),
        _checks(
            BACKTEST_KEY,
            {
                SCHEMA: _schema_of(RUNS),
                IDENTITY_HOLDS: identity_holds,
                EDGE_HOLDS: edge_holds,
            },
        ),
    ]


def _questions(venue: str, table: Table) -> dict[Check, Question]:
    """List what is asked of a venue's rows in a collected table."""

    def fresh(lake: DuckDBPyConnection) -> Answer:
        now = datetime.now(UTC)
        if table in HOURLY_TABLES:
            return hours_fresh(lake, table, venue, now)
        if table is FUNDING_RATES:
            return history_fresh(lake, venue, now)
        if table is ORDER_BOOK_DEPTH:
            return depth_asked_lately(lake, venue, now)
        column = "last_seen_at" if table is INSTRUMENTS else "observed_at"
        return seen_lately(lake, table, column, venue, now)

    questions: dict[Check, Question] = {
        SCHEMA: _schema_of(table),
        UNIQUE_KEY: lambda lake: keys_unique(lake, table, venue),
        FRESH: fresh,
        NOTHING_AHEAD: lambda lake: nothing_ahead(lake, table, venue, datetime.now(UTC)),
    }
    if table in (PRICE_CANDLES, SPOT_CANDLES):
        questions[BARS_SOUND] = lambda lake: bars_sound(lake, table, venue, datetime.now(UTC))
    if table is PRICE_CANDLES:
        if {"mark", "index"} <= set(venue_spec(venue).candle_kinds):
            questions[NEAR_INDEX] = lambda lake: marks_near_index(lake, venue, datetime.now(UTC))
        questions[NEAR_OTHERS] = lambda lake: near_other_venues(lake, venue, datetime.now(UTC))
    if table is ORDER_BOOK_DEPTH:
        questions[COSTS_GROW] = lambda lake: costs_grow(lake, venue, datetime.now(UTC))
        questions[NEAR_MARK] = lambda lake: mids_near_marks(lake, venue, datetime.now(UTC))
    if table is FUNDING_RATES:
        questions[NOT_AT_REST] = lambda lake: rates_not_at_rest(lake, venue, datetime.now(UTC))
    if table is MARKET_SNAPSHOTS and INSTRUMENTS in venue_spec(venue).offers:
        questions[COVERS_LISTED] = lambda lake: snapshot_covers_listed(lake, venue)
    return questions


def _schema_of(table: Table) -> Question:
    return lambda lake: schema_as_declared(lake, table)


def _few_missing_buckets(lake: DuckDBPyConnection) -> Answer:
    return few_missing_buckets(lake, datetime.now(UTC))


def _checks(key: dg.AssetKey, questions: Mapping[Check, Question]) -> dg.AssetChecksDefinition:
    """Define a check for each question about one asset: each stands by itself in the UI."""

    @dg.multi_asset_check(
        name="_".join([*key.path, "checks"]),
        specs=[
            dg.AssetCheckSpec(check.name, asset=key, description=check.description)
            for check in questions
        ],
    )
    def ask(lake: LakeResource) -> Iterator[dg.AssetCheckResult]:
        with lake.get_connection() as connection:
            for check, question in questions.items():
                answer = question(connection)
                yield dg.AssetCheckResult(
                    asset_key=key,
                    check_name=check.name,
                    passed=answer.passed,
                    severity=check.severity,
                    description=answer.verdict,
                    metadata=figure_metadata(answer.figures),
                )

    return ask


def _comparison(
    key: dg.AssetKey, check: Check, venue: str, compare: Comparison
) -> dg.AssetChecksDefinition:
    """Compare rates with other figures for them: what differs is flagged, nothing dropped."""

    @dg.asset_check(asset=key, name=check.name, description=check.description)
    def ask(lake: LakeResource) -> dg.AssetCheckResult:
        with lake.get_connection() as connection:
            answer, flagged = compare(connection, venue, datetime.now(UTC))
        return dg.AssetCheckResult(
            passed=answer.passed,
            severity=WARN,
            description=answer.verdict,
            metadata={
                **figure_metadata(answer.figures),
                "flagged_pairs": dg.MetadataValue.md(markdown_table(flagged.head(SHOWN_PAIRS))),
            },
        )

    return ask
