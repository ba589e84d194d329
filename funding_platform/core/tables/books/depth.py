"""What an order book costs to trade against, hour by hour: ``core.order_book_depth``."""

from collections.abc import Iterator
from typing import Final

from funding_platform.core.tables.books.levels import BOOK_TIME, PRICE_PER_BASE
from funding_platform.core.tables.columns import (
    AVAILABLE_AT,
    INSTRUMENT_KEY,
    OBSERVED_AT,
    VENUE,
    VENUE_SYMBOL,
    usd_column,
)
from funding_platform.core.tables.schema import Column, Table, Type

SIZES_USD: Final = {"1k": 1e3, "10k": 1e4, "100k": 1e5, "1m": 1e6}
"""What is walked through a book, by the name that columns have it under."""

REACHES_BPS: Final = (5, 10, 25)
"""Distances from mid within which the resting size is added up."""

VERBS: Final = ("buy", "sell")
"""Trades against the asks and against the bids."""

_FROM_MID: Final = "basis points of mid"


def _costs() -> Iterator[Column]:
    """Declare ``buy_<size>_bps`` and ``sell_<size>_bps``."""
    for verb in VERBS:
        for name, size in SIZES_USD.items():
            yield Column(
                f"{verb}_{name}_bps",
                Type.REAL,
                f"How much worse than mid {size:,.0f} USD {verb} on average, half the spread "
                "included, fees not; null where the levels seen do not reach.",
                _FROM_MID,
                minimum=0.0,
            )


def _sizes() -> Iterator[Column]:
    """Declare what rests near mid, and what was seen of it."""
    for side in ("bid", "ask"):
        for reach in REACHES_BPS:
            yield usd_column(
                f"{side}_within_{reach}bps_usd",
                f"What rests within {reach} bps of mid among the levels seen: at least so much, "
                f"where {side}_reach_bps is less.",
            )
    for side in ("bid", "ask"):
        yield Column(f"{side}_levels", Type.INTEGER, "Levels seen.", None, False, minimum=0)
        yield Column(
            f"{side}_reach_bps", Type.REAL, "How far the last of them is from mid.", _FROM_MID
        )


ORDER_BOOK_DEPTH: Final = Table(
    "core",
    "order_book_depth",
    "What the order books of the best pairs' instruments cost to trade against, once an hour: "
    "USD stablecoins count as USD. Measured from mid, which takes both sides: null without one.",
    key=(*INSTRUMENT_KEY, "snapshot_hour"),
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
        *(
            Column(name, Type.REAL, what, PRICE_PER_BASE, minimum=0.0)
            for name, what in (
                ("bid", "Highest bid."),
                ("ask", "Lowest ask."),
                ("mid", "Between the two."),
            )
        ),
        *_costs(),
        *_sizes(),
        BOOK_TIME,
        OBSERVED_AT,
        AVAILABLE_AT,
    ),
    partition_by=("year(snapshot_hour)", "month(snapshot_hour)"),
    sort_by=(*INSTRUMENT_KEY, "snapshot_hour"),
)
