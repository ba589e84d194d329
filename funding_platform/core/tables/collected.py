"""What is collected from venues, and what collecting says of itself: schema ``core``.

Fees are declared in ``fees``, what is computed of these tables beside it.
"""

from typing import Final, get_args

from funding_platform.core.symbols import ContractType
from funding_platform.core.tables.columns import (
    ASSET_CLASS,
    BASE,
    INDEX_PRICE,
    INSTRUMENT_KEY,
    INTERVAL_HOURS,
    MARK_PRICE,
    MAX_INTERVAL_HOURS,
    OBSERVED_AT,
    OPEN_INTEREST_COLUMNS,
    PRICE_UNIT,
    VENUE,
    VENUE_SYMBOL,
    rate_column,
    usd_column,
)
from funding_platform.core.tables.schema import Column, Table, Type

INSTRUMENTS: Final = Table(
    "core",
    "instruments",
    "Contract facts of every perpetual that a venue has listed since we began to look.",
    key=INSTRUMENT_KEY,
    columns=(
        VENUE,
        VENUE_SYMBOL,
        BASE,
        Column("quote", Type.TEXT, "Currency the price is quoted in.", nullable=False),
        Column("settle", Type.TEXT, "Currency that profit and funding are paid in."),
        Column(
            "multiplier",
            Type.REAL,
            "Canonical base per unit of the venue's base: 1000 for 1000PEPE and kPEPE.",
            nullable=False,
            minimum=1.0,
        ),
        ASSET_CLASS,
        Column(
            "contract_type",
            Type.TEXT,
            "linear settles in the quote currency, inverse in the base, quanto in neither.",
            nullable=False,
            values=get_args(ContractType),
        ),
        Column(
            "contract_size",
            Type.REAL,
            "One contract, in the venue's base (linear), in the quote currency (inverse), or in "
            "what it settles in, per unit of price (quanto).",
            minimum=0.0,
        ),
        Column(
            INTERVAL_HOURS.name,
            Type.REAL,
            "Hours between settlements now; null where the venue does not say.",
            "hours",
            minimum=1e-3,
            maximum=MAX_INTERVAL_HOURS,
        ),
        Column("tick_size", Type.REAL, "Smallest price step.", PRICE_UNIT, minimum=0.0),
        Column("min_size", Type.REAL, "Smallest order.", "the venue's order unit", minimum=0.0),
        Column(
            "order_unit",
            Type.REAL,
            "What one unit of an order's size is, in what contract_size is in. On most venues a "
            "contract; where an order says an amount instead, 1.",
            minimum=0.0,
        ),
        Column(
            "status",
            Type.TEXT,
            "trading, halted (listed, not trading), delisted, or unknown.",
            nullable=False,
            values=("trading", "halted", "delisted", "unknown"),
        ),
        Column("listed_at", Type.TIME, "When the venue says it was listed."),
        Column("first_seen_at", Type.TIME, "When we first saw it listed.", nullable=False),
        Column("last_seen_at", Type.TIME, "When we last saw it listed.", nullable=False, past=True),
    ),
    sort_by=("venue", "venue_symbol"),
)

LISTINGS: Final = Table(
    "core",
    "listings",
    "Every listing of a ticker that we have seen: when a contract is gone, the venue may give its "
    "ticker to another asset. `core.instruments` has the newest.",
    key=("venue", "venue_symbol", "first_seen_at"),
    columns=(
        *(
            INSTRUMENTS.column(name)
            for name in ("venue", "venue_symbol", "base", "quote", "multiplier", "contract_type")
        ),
        *(INSTRUMENTS.column(name) for name in ("contract_size", "status", "listed_at")),
        Column("first_seen_at", Type.TIME, "When we first saw this listing.", nullable=False),
        Column("last_seen_at", Type.TIME, "When we last saw it.", nullable=False),
        Column("last_traded_at", Type.TIME, "When we last saw it trading."),
    ),
    sort_by=("venue", "venue_symbol"),
)

FUNDING_RATES: Final = Table(
    "core",
    "funding_rates",
    "Settled funding rates, one row per settlement.",
    key=("venue", "venue_symbol", "funding_time"),
    columns=(
        VENUE,
        VENUE_SYMBOL,
        Column(
            "funding_time",
            Type.TIME,
            "Settlement instant, rounded to the second.",
            nullable=False,
            past=True,
        ),
        rate_column("funding_rate", "The rate as settled.", nullable=False),
        INTERVAL_HOURS,
        Column(
            "interval_inferred",
            Type.FLAG,
            "True where interval_hours comes from the spacing of the settlements.",
            nullable=False,
        ),
        Column(
            "interval_hours_known",
            Type.REAL,
            "interval_hours as it was known at the settlement: as stated, else the gap before it; "
            "null where only a later settlement tells, and in rows of an older version.",
            "hours",
            minimum=1e-3,
            maximum=MAX_INTERVAL_HOURS,
        ),
        MARK_PRICE,
        INDEX_PRICE,
        Column("venue_time", Type.TIME, "The venue's own stamp, unrounded.", nullable=False),
        OBSERVED_AT,
    ),
    partition_by=("venue", "year(funding_time)", "month(funding_time)"),
    sort_by=("venue", "venue_symbol", "funding_time"),
)

MARKET_SNAPSHOTS: Final = Table(
    "core",
    "market_snapshots",
    "The market as it stood when we looked, once an hour.",
    key=("venue", "venue_symbol", "snapshot_hour"),
    columns=(
        VENUE,
        VENUE_SYMBOL,
        Column(
            "snapshot_hour",
            Type.TIME,
            "The hour that observed_at lies in.",
            nullable=False,
            past=True,
        ),
        rate_column("predicted_rate", "Rate expected at next_funding_time; not yet settled."),
        INTERVAL_HOURS,
        Column("next_funding_time", Type.TIME, "When the predicted rate settles."),
        MARK_PRICE,
        INDEX_PRICE,
        *OPEN_INTEREST_COLUMNS,
        usd_column("volume_24h_usd", "Turnover of the last 24 hours."),
        Column("best_bid", Type.REAL, "Highest bid.", PRICE_UNIT, minimum=0.0),
        Column("best_ask", Type.REAL, "Lowest ask.", PRICE_UNIT, minimum=0.0),
        Column(
            "spread_bps",
            Type.REAL,
            "(best_ask - best_bid) / mid.",
            "basis points; negative when the book is crossed",
        ),
        Column(
            "latency_ms",
            Type.REAL,
            "Time from the first request to the last answer of the snapshot.",
            "milliseconds",
            minimum=0.0,
        ),
        OBSERVED_AT,
    ),
    partition_by=("year(snapshot_hour)", "month(snapshot_hour)"),
    sort_by=("venue", "venue_symbol", "snapshot_hour"),
)

COLLECTION_LOG: Final = Table(
    "core",
    "collection_log",
    "One row per attempt to collect a dataset of a venue, successful or not.",
    key=("run_id", "venue", "dataset", "started_at"),
    columns=(
        Column("run_id", Type.TEXT, "The run that collected.", nullable=False),
        VENUE,
        Column("dataset", Type.TEXT, "Table that was collected.", nullable=False),
        Column("started_at", Type.TIME, "When collection began.", nullable=False),
        Column("finished_at", Type.TIME, "When it ended.", nullable=False),
        Column(
            "status",
            Type.TEXT,
            "success, partial (some symbols or fields failed) or failed.",
            nullable=False,
            values=("success", "partial", "failed"),
        ),
        Column("rows_written", Type.INTEGER, "Rows committed.", nullable=False, minimum=0),
        Column("symbols", Type.INTEGER, "Symbols asked for.", minimum=0),
        Column("symbols_failed", Type.TEXTS, "Symbols without an answer."),
        Column("requests", Type.INTEGER, "HTTP requests sent, retries included.", minimum=0),
        Column("error_kind", Type.TEXT, "Class of the error."),
        Column("error", Type.TEXT, "What went wrong."),
        Column("latency_ms", Type.REAL, "Mean time to an answer.", "milliseconds", minimum=0.0),
        Column("window_start", Type.TIME, "Start of the span asked for; null for a snapshot."),
        Column("window_end", Type.TIME, "End of that span, not included."),
        Column(
            "breaker_state",
            Type.TEXT,
            "How the venue stood with us after the attempt: closed (calls pass), open or banned "
            "(they wait), half-open (one is let through); null for an import.",
            values=("closed", "open", "half-open", "banned"),
        ),
        Column(
            "source",
            Type.TEXT,
            "Where the rows are from: requests to the venue, the live board, or files that were "
            "imported; null for older attempts.",
            values=("requests", "board", "files"),
        ),
    ),
    sort_by=("started_at",),
)

RAW_PAYLOADS: Final = Table(
    "core",
    "raw_payloads",
    "Answers of the venues, verbatim, of attempts that gave rows and of those that failed.",
    key=("venue", "endpoint", "request_key", "observed_at"),
    columns=(
        VENUE,
        Column("endpoint", Type.TEXT, "Path below the venue's base URL.", nullable=False),
        Column(
            "request_key", Type.TEXT, "The query as sent, or the JSON body of a POST.", None, False
        ),
        Column("observed_at", Type.TIME, "When the answer was complete.", nullable=False),
        Column("sent_at", Type.TIME, "When the request was sent.", nullable=False),
        Column("run_id", Type.TEXT, "The run that asked.", nullable=False),
        Column("dataset", Type.TEXT, "Table that was collected.", nullable=False),
        Column(
            "started_at",
            Type.TIME,
            "The attempt in core.collection_log that asked: when it began.",
            nullable=False,
        ),
        Column(
            "status",
            Type.INTEGER,
            "HTTP status as it was sent, which need not be one that HTTP has.",
            None,
            nullable=False,
            minimum=0,
            maximum=999,
        ),
        Column("sha256", Type.TEXT, "Digest of the body, in hexadecimal.", nullable=False),
        Column("size", Type.INTEGER, "Length of the body.", "bytes", False, minimum=0),
        Column(
            "body",
            Type.BYTES,
            "The body as it came; null where another row with this sha256 has it, or where it was "
            "not kept for its size.",
        ),
    ),
    partition_by=("year(observed_at)", "month(observed_at)", "day(observed_at)"),
    sort_by=("observed_at",),
    options=(
        ("parquet_compression", "zstd"),
        ("parquet_row_group_size", "2048"),  # bodies are large: a row group must fit into memory
        ("data_inlining_row_limit", "0"),  # and have no place in the catalog
    ),
)
