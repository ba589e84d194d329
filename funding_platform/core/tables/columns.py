"""Columns, bounds and units that the declarations of several tables share."""

from typing import Final

from funding_platform.core.market.asset_classes import ASSET_CLASSES
from funding_platform.core.tables.schema import Column, Type

INSTRUMENT_KEY: Final = ("venue", "venue_symbol")
"""What tells an instrument from all others."""

RATE_BOUND: Final = 0.25
"""A rate per interval beyond this is a fault, not a market.

The largest settled rate in the histories this was built on is 6 % (OKX SOL-USDT-SWAP, 2022-11);
the loosest documented venue cap is 4 % per hour (Hyperliquid). Four times the largest seen.
"""

MAX_INTERVAL_HOURS: Final = 24
"""The longest funding interval in use (BitMEX before 2016-06)."""

PER_INTERVAL = "fraction of notional per funding interval, positive = longs pay shorts"
PER_8H = "fraction of notional per 8 hours, positive = longs pay shorts"
PER_YEAR = "fraction per year"
PRICE_UNIT = "quote currency per unit of the venue's base"

VENUE = Column("venue", Type.TEXT, "Name of the venue.", nullable=False)
VENUE_SYMBOL = Column("venue_symbol", Type.TEXT, "The venue's own symbol.", nullable=False)
BASE = Column("base", Type.TEXT, "Canonical base asset, e.g. PEPE for 1000PEPE.", nullable=False)
ASSET_CLASS = Column(
    "asset_class",
    Type.TEXT,
    "What the base is: crypto, equity (shares and funds), index, metal, commodity, fx, or other, "
    "which cannot be told from another asset of its name; null where the venue does not say and "
    "the ticker does not tell, which pairs as crypto.",
    values=ASSET_CLASSES,
)
ASSET: Final = "The base and its class, as in META equity: a share is not a coin."
"""What a column ``asset`` holds; ``core.market.asset_classes`` has the rule."""

INTERVAL_HOURS = Column(
    "interval_hours",
    Type.REAL,
    "Hours between settlements; null where neither stated nor inferable.",
    "hours",
    minimum=1e-3,
    maximum=MAX_INTERVAL_HOURS,
)
MARK_PRICE = Column("mark_price", Type.REAL, "The venue's fair price.", PRICE_UNIT, minimum=0.0)
INDEX_PRICE = Column(
    "index_price", Type.REAL, "The venue's spot reference.", PRICE_UNIT, minimum=0.0
)
OBSERVED_AT = Column("observed_at", Type.TIME, "When we fetched it.", nullable=False, past=True)
AVAILABLE_AT = Column(
    "available_at", Type.TIME, "The earliest anyone could have known the row.", nullable=False
)


def text_column(name: str, description: str, *, nullable: bool = False) -> Column:
    """Declare a name, a code or a sentence."""
    return Column(name, Type.TEXT, description, nullable=nullable)


def time_column(name: str, description: str, *, nullable: bool = True) -> Column:
    """Declare an instant."""
    return Column(name, Type.TIME, description, nullable=nullable)


def real_column(name: str, description: str, unit: str | None = None) -> Column:
    """Declare a figure that may be unknown."""
    return Column(name, Type.REAL, description, unit)


def rate_column(name: str, description: str, *, nullable: bool = True) -> Column:
    """Declare a rate per funding interval, within ``RATE_BOUND``."""
    return Column(name, Type.REAL, description, PER_INTERVAL, nullable, -RATE_BOUND, RATE_BOUND)


def usd_column(name: str, description: str) -> Column:
    """Declare an amount of US dollars, never negative."""
    return Column(name, Type.REAL, description, "USD", minimum=0.0)


def yearly_column(name: str, description: str) -> Column:
    """Declare an annualised rate."""
    return real_column(name, description, PER_YEAR)


OPEN_INTEREST_COLUMNS: Final = (
    Column(
        "open_interest_base",
        Type.REAL,
        "Open interest, one side.",
        "the venue's base (multiplier applies)",
        minimum=0.0,
    ),
    usd_column("open_interest_usd", "Open interest, one side; USD stablecoins count as USD."),
)
"""Open interest as snapshots and its history have it."""
