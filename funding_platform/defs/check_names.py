"""Every check that asks the lake: its name, what it asks, and how bad a no is."""

from typing import Final, NamedTuple

import dagster as dg

from funding_platform.backtest.results.edge_decay import ALERT_QUANTILE, TRADES_IN_WINDOW
from funding_platform.core.market.price_gap import MAX_PRICE_GAP_BPS
from funding_platform.flows.checks.books import MAX_GAP_FROM_MARK
from funding_platform.flows.checks.features import MAX_DRIFT_DEGREES
from funding_platform.flows.checks.lake import MAX_MISSING_SHARE, MISSING_BUCKETS_OVER
from funding_platform.flows.checks.prices import MAX_MARK_GAP

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
