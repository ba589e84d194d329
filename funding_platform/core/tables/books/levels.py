"""An order book as it stands: what ``venue.order_book`` returns. No lake keeps it.

What an hour's book costs to trade against is kept: ``core.order_book_depth``, in ``depth``.
"""

from typing import Final

from funding_platform.core.tables.columns import (
    BASE,
    INSTRUMENT_KEY,
    OBSERVED_AT,
    VENUE,
    VENUE_SYMBOL,
    text_column,
    time_column,
)
from funding_platform.core.tables.schema import Column, Table, Type

SIDES: Final = ("bid", "ask")

PRICE_PER_BASE: Final = "quote per unit of the canonical base"

BOOK_TIME: Final = time_column("book_time", "When the venue says the book was; null if unsaid.")

ORDER_BOOK: Final = Table(
    "core",
    "order_book",
    "Levels of order books, best first: each price once, bids below asks.",
    key=(*INSTRUMENT_KEY, "side", "level"),
    columns=(
        VENUE,
        VENUE_SYMBOL,
        BASE,
        text_column("quote", "Currency the price is quoted in."),
        Column(
            "side", Type.TEXT, "bid (others buy) or ask (others sell).", None, False, values=SIDES
        ),
        Column("level", Type.INTEGER, "Counted from the best, which is 0.", None, False, minimum=0),
        Column("price", Type.REAL, "Price of the level.", PRICE_PER_BASE, False, minimum=0.0),
        Column("size", Type.REAL, "All that rests at it.", "canonical base", False, minimum=0.0),
        BOOK_TIME,
        OBSERVED_AT,
    ),
)
