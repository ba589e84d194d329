"""What the live board has shown, kept in the lake: schema ``core``."""

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
