"""What the live board has shown, kept in the lake, and what that says of predictions."""

from typing import Final

from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.tables.columns import (
    AVAILABLE_AT,
    INDEX_PRICE,
    INTERVAL_HOURS,
    MARK_PRICE,
    OPEN_INTEREST_COLUMNS,
    VENUE,
    VENUE_SYMBOL,
    rate_column,
    real_column,
    time_column,
)
from funding_platform.core.tables.schema import Column, Table, Type

LIVE_RATES: Final = Table(
    "core",
    "live_rates",
    "The market minute by minute as the venues' streams told it: by the minute for a while, then "
    "the last minute of each hour.",
    key=("venue", "venue_symbol", "minute_time"),
    columns=(
        VENUE,
        VENUE_SYMBOL,
        Column(
            "minute_time",
            Type.TIME,
            "First instant of the minute, or of a longer or shorter span.",
            nullable=False,
            past=True,
        ),
        Column(
            "span_seconds",
            Type.REAL,
            "How long that is.",
            "seconds",
            nullable=False,
            minimum=1.0,
        ),
        rate_column("predicted_rate_open", "Rate expected when it began; null if unknown then."),
        rate_column("predicted_rate_last", "Rate expected when it ended; not yet settled."),
        INTERVAL_HOURS,
        Column("next_funding_time", Type.TIME, "When the rate expected last settles."),
        MARK_PRICE,
        INDEX_PRICE,
        *OPEN_INTEREST_COLUMNS,
        MARKET_SNAPSHOTS.column("best_bid"),
        MARKET_SNAPSHOTS.column("best_ask"),
        Column("updates", Type.INTEGER, "How often the venue spoke of it.", None, False, 0),
        Column(
            "staleness_seconds",
            Type.REAL,
            "How long ago it had spoken last when the minute was closed.",
            "seconds",
            nullable=False,
            minimum=0.0,
        ),
        AVAILABLE_AT,
        Column("observed_at", Type.TIME, "When the venue spoke last.", nullable=False, past=True),
    ),
    partition_by=("year(minute_time)", "month(minute_time)", "day(minute_time)"),
    sort_by=("venue", "venue_symbol", "minute_time"),
)

_BPS = "basis points of notional per funding interval"

PREDICTION_ACCURACY: Final = Table(
    "marts",
    "prediction_accuracy",
    "How near the rates that a venue predicts come to those that it settles, by how long before: "
    "of the settlements of the 30 days up to as_of, as far as their own prediction is known within "
    "half an hour of that, from the streams or else from the hourly snapshots.",
    key=("venue", "lead_hours"),
    columns=(
        VENUE,
        Column("lead_hours", Type.INTEGER, "How long before: 1, 4 or 8.", "hours", nullable=False),
        time_column("as_of", "The newest settlement of the lake.", nullable=False),
        Column("settlements", Type.INTEGER, "Settlements compared.", None, False, minimum=1),
        Column(
            "from_streams",
            Type.REAL,
            "Those of them whose prediction a stream told.",
            "fraction",
            nullable=False,
            minimum=0.0,
            maximum=1.0,
        ),
        real_column("mean_lead_hours", "How long before they were predicted, on average.", "hours"),
        real_column("mean_error_bps", "Mean of predicted less settled.", _BPS),
        Column(
            "mean_absolute_error_bps",
            Type.REAL,
            "Mean of the distance between the two.",
            _BPS,
            minimum=0.0,
        ),
        Column(
            "correlation",
            Type.REAL,
            "Pearson's, of the two; null below three or without variation.",
            minimum=-1.0,
            maximum=1.0,
        ),
    ),
)
