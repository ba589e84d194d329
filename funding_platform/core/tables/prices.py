"""Prices and open interest through time, as venues keep them: schema ``core``.

What the market was when we looked is ``market_snapshots``, in ``collected``.
"""

from typing import Final

from funding_platform.core.tables.columns import (
    ASSET,
    AVAILABLE_AT,
    BASE,
    INSTRUMENT_KEY,
    OBSERVED_AT,
    OPEN_INTEREST_COLUMNS,
    PRICE_UNIT,
    VENUE,
    VENUE_SYMBOL,
    text_column,
    time_column,
    usd_column,
)
from funding_platform.core.tables.schema import Column, Table, Type

PRICE_KINDS: Final = ("mark", "index", "trade")
"""What a candle of a perpetual is made of: fair prices, the spot reference, or deals."""

_DOLLARS_PER_BASE: Final = "USD per unit of the canonical base; USD stablecoins count as USD"

PRICING_ORDER: Final = ("mark", "trade", "index")
"""The same kinds, that by which positions are margined first, the reference of spot last."""

OPEN_TIME: Final = Column(
    "open_time", Type.TIME, "When the bar began, a full hour.", nullable=False, past=True
)

BAR: Final = (
    Column("open", Type.REAL, "First price.", PRICE_UNIT, nullable=False, minimum=0.0),
    Column("high", Type.REAL, "Highest price.", PRICE_UNIT, nullable=False, minimum=0.0),
    Column("low", Type.REAL, "Lowest price.", PRICE_UNIT, nullable=False, minimum=0.0),
    Column("close", Type.REAL, "Last price.", PRICE_UNIT, nullable=False, minimum=0.0),
    Column(
        "volume_base",
        Type.REAL,
        "Amount traded; null for mark and index.",
        "the venue's base (multiplier applies)",
        minimum=0.0,
    ),
    usd_column("volume_usd", "Turnover; USD stablecoins count as USD; null for mark and index."),
    AVAILABLE_AT,
    OBSERVED_AT,
)
"""Prices, volumes and times of one bar of an hour; it is known from its end on."""

PRICE_CANDLES: Final = Table(
    "core",
    "price_candles",
    "Hourly bars of every perpetual: of its mark price, of its index and of its trades, as far as "
    "the venue serves them. Only bars that have ended.",
    key=(*INSTRUMENT_KEY, "kind", "open_time"),
    columns=(
        VENUE,
        VENUE_SYMBOL,
        Column(
            "kind",
            Type.TEXT,
            "mark (the venue's fair price), index (its spot reference) or trade (deals).",
            nullable=False,
            values=PRICE_KINDS,
        ),
        OPEN_TIME,
        *BAR,
    ),
    partition_by=("venue", "year(open_time)", "month(open_time)"),
    sort_by=(*INSTRUMENT_KEY, "kind", "open_time"),
)

SPOT_CANDLES: Final = Table(
    "core",
    "spot_candles",
    "Hourly bars of trades on the spot markets of venues that have one. Only bars that have ended.",
    key=(*INSTRUMENT_KEY, "open_time"),
    columns=(
        VENUE,
        VENUE_SYMBOL,
        BASE,
        Column("quote", Type.TEXT, "Currency the price is quoted in.", nullable=False),
        OPEN_TIME,
        *BAR,
    ),
    partition_by=("venue", "year(open_time)", "month(open_time)"),
    sort_by=(*INSTRUMENT_KEY, "open_time"),
)

OPEN_INTEREST: Final = Table(
    "core",
    "open_interest",
    "Open interest at full hours, one side, of venues that keep its history.",
    key=(*INSTRUMENT_KEY, "time"),
    columns=(
        VENUE,
        VENUE_SYMBOL,
        Column("time", Type.TIME, "The instant that the figure is of.", nullable=False, past=True),
        *OPEN_INTEREST_COLUMNS,
        AVAILABLE_AT,
        OBSERVED_AT,
    ),
    partition_by=("venue", "year(time)", "month(time)"),
    sort_by=(*INSTRUMENT_KEY, "time"),
)

REFERENCE_PRICES: Final = Table(
    "marts",
    "reference_prices",
    "What one unit of an asset costs in dollars at each full hour: the median of the indices of "
    "all venues that have one, and which they are. With a single source it is that venue's word.",
    key=("asset", "time"),
    columns=(
        text_column("base", "Canonical base asset.", nullable=True),
        text_column("asset", ASSET, nullable=True),
        time_column("time", "The instant that the price is of: the end of a bar."),
        Column("price", Type.REAL, "Median of the venues' indices.", _DOLLARS_PER_BASE),
        Column("sources", Type.TEXTS, "The venues whose index it is the median of, in order."),
        Column("lowest", Type.REAL, "The lowest of them.", _DOLLARS_PER_BASE),
        Column("highest", Type.REAL, "The highest.", _DOLLARS_PER_BASE),
        time_column("available_at", "The earliest anyone could have known all of them."),
    ),
    view=True,
)
