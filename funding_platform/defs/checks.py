"""Asset checks that ask the lake itself: schema, keys, freshness.

All questions about one asset are one op over one connection: opening the lake costs more than
the answers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import dagster as dg
import polars as pl
from duckdb import DuckDBPyConnection

from funding_platform.backtest.results.edge_decay import ALERT_QUANTILE, TRADES_IN_WINDOW
from funding_platform.core.market.price_gap import MAX_PRICE_GAP_BPS
from funding_platform.core.tables.backtest_runs import RUNS
from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.feature_store import FEATURE_STORE
from funding_platform.core.tables.features import CURVE_FACTORS, CURVE_SNAPSHOTS
from funding_platform.core.tables.pca import PCA_MODELS, PCA_SCORES
from funding_platform.core.tables.prices import PRICE_CANDLES, SPOT_CANDLES
from funding_platform.core.tables.schema import Table
from funding_platform.defs.assets.backtests import BACKTEST_KEY
from funding_platform.defs.assets.raw import raw_key
from funding_platform.defs.presentation import figure_metadata, markdown_table, table_key
from funding_platform.defs.running.resources import LakeResource
from funding_platform.flows.checks.answer import Answer
from funding_platform.flows.checks.backtests import edge_holds, identity_holds
from funding_platform.flows.checks.books import (
    MAX_GAP_FROM_MARK,
    costs_grow,
    depth_asked_lately,
    mids_near_marks,
)
from funding_platform.flows.checks.features import (
    MAX_DRIFT_DEGREES,
    every_curve_has_features,
    models_explain,
    models_fitted,
    models_full_rank,
    models_steady,
)
from funding_platform.flows.checks.lake import (
    MAX_MISSING_SHARE,
    MISSING_BUCKETS_OVER,
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
    MAX_MARK_GAP,
    bars_sound,
    hours_fresh,
    marks_near_index,
    near_other_venues,
)
from funding_platform.flows.collection.hourly import HOURLY_TABLES
from funding_platform.venues.registry import venue_spec

Question = Callable[[DuckDBPyConnection], Answer]
Comparison = Callable[[DuckDBPyConnection, str, datetime], tuple[Answer, pl.DataFrame]]

SHOWN_PAIRS = 20


WARN: Final = dg.AssetCheckSeverity.WARN


class Check(NamedTuple):
    """A question's name and what it asks. A warning may be the market's doing, an error is not."""

    name: str
    description: str
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR


SCHEMA: Final = Check("schema", "Columns and types equal the declaration in core.tables.")
UNIQUE_KEY: Final = Check("unique_key", "No key is there twice.")
FRESH: Final = Check("fresh", "The newest row is as recent as it should be.")
NOTHING_AHEAD: Final = Check("nothing_ahead", "No row is dated ahead of the present.", WARN)
NOT_AT_REST: Final = Check(
    "not_at_rest",
    "Some market of the venue has settled at another rate than 0 in thirty days.",
    WARN,
)
COVERS_LISTED: Final = Check(
    "covers_listed",
    "Every instrument that trades has a row in the newest snapshot.",
    WARN,
)
FEW_MISSING_BUCKETS: Final = Check(
    "few_missing_buckets",
    f"Under {100 * MAX_MISSING_SHARE:g} % of the buckets of the last "
    f"{MISSING_BUCKETS_OVER.days} days are missing.",
)
MODELS_FITTED: Final = Check(
    "models_fitted",
    "At least half of the newest models could be fitted.",
    WARN,
)
FULL_RANK: Final = Check(
    "full_rank",
    "The strips of three in four newest models span all eight buckets.",
    WARN,
)
STEADY: Final = Check(
    "steady",
    f"Three in four first components have turned by at most {MAX_DRIFT_DEGREES:g} degrees.",
    WARN,
)
EXPLAINS: Final = Check(
    "explains",
    "In three of four newest models three components explain half of the variance.",
    WARN,
)
BARS_SOUND: Final = Check(
    "bars_sound", "Every bar holds its open and its close between its low and its high."
)
NEAR_INDEX: Final = Check(
    "near_index",
    f"Every mark lies within {100 * MAX_MARK_GAP:g} % of its index, in the median hour.",
    WARN,
)
NEAR_OTHERS: Final = Check(
    "near_others",
    f"Every price lies within {MAX_PRICE_GAP_BPS / 100:g} % of that of its base on other venues, "
    "in the median hour.",
    WARN,
)
COSTS_GROW: Final = Check("costs_grow", "No book trades a larger size at less than a smaller one.")
NEAR_MARK: Final = Check(
    "near_mark",
    f"Every mid lies within {100 * MAX_GAP_FROM_MARK:g} % of the mark of its hour.",
    WARN,
)
COMPLETE_JOIN: Final = Check(
    "complete_join", "Every curve has its features, known no earlier than the curve."
)
PREDICTED_AGREES: Final = Check(
    "predicted_agrees", "Rates settle as the venue itself predicted them shortly before."
)
SECOND_OPINION: Final = Check(
    "second_opinion", "CoinGecko shows the venue's predicted rates as the venue does."
)
IDENTITY_HOLDS: Final = Check(
    "identity_holds", "Equity is capital plus funding and price less all costs, in every run."
)
EDGE_HOLDS: Final = Check(
    "edge_holds",
    f"The last {TRADES_IN_WINDOW} out-of-sample trades are not worse than "
    f"{100 * ALERT_QUANTILE:g} % of those of the first run.",
    WARN,
)

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
