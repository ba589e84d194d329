"""The rows that the kernel writes: open legs, closed legs, ledger entries; and the rules it obeys.

They are numpy records, one field per fact, so that compiled code and Python name the same things.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from funding_platform.backtest.data.panel import PRICE_KINDS
from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.trading.payoffs import pnl_usd

LEG: Final = np.dtype(
    [
        ("active", np.bool_),
        ("trade", np.int64),
        ("position", np.int64),
        ("instrument", np.int64),
        ("source", np.int64),  # instrument whose prices it is valued at
        ("source_kind", np.int64),  # at entry: number in PRICE_KINDS, REFERENCE or PROXY
        ("price_age_us", np.int64),  # at entry
        ("stamped_us", np.int64),  # when its source last stated a price
        ("priced_us", np.int64),  # the instant that its price is of
        ("carried", np.bool_),  # its price has moved with the base since its source stated one
        ("lone", np.bool_),  # it has moved with a single other market
        ("venue", np.int64),
        ("inverse", np.bool_),
        ("spot", np.bool_),
        ("sign", np.float64),
        ("coin", np.int64),  # that it pays in, where quanto: number in Coins
        ("coin_usd", np.float64),  # what that is worth; 1 but for quanto legs
        ("size", np.float64),  # canonical base; dollars where inverse, coin per dollar where quanto
        ("opened_us", np.int64),
        ("stops_us", np.int64),  # when it is delisted
        ("accrued_us", np.int64),  # borrowing is paid up to here
        ("entry", np.float64),
        ("price", np.float64),
        ("quantity", np.float64),
        ("notional", np.float64),
        ("collateral", np.float64),  # at entry
        ("margin", np.float64),  # collateral, funding and transfers since; in coin unless linear
        ("arriving", np.float64),  # collateral on its way to it, in US dollars
        ("arrives_us", np.int64),
        ("realised", np.float64),  # price profit of what has been closed of it
        ("next_settlement", np.int64),
        ("next_price", np.int64),
        ("next_move", np.int64),
        ("next_us", np.int64),  # when the earlier of the two is; far future in an empty slot
        ("margined", np.bool_),  # false for coins that are owned
        ("floor", np.float64),  # worth of its collateral below which it is rebalanced
        ("funding", np.float64),
        ("fees", np.float64),
        ("slippage", np.float64),
        ("borrow", np.float64),
        ("transfers", np.float64),  # part of borrow that is in the ledger already
        ("penalty", np.float64),
        ("impact", np.float64),
        ("traded", np.float64),
        ("settlements", np.int64),
    ],
    align=True,
)

TRADE: Final = np.dtype(
    [
        ("opened_us", np.int64),
        ("closed_us", np.int64),
        ("price_age_us", np.int64),
        ("exit_age_us", np.int64),
        ("entry", np.float64),
        ("exit", np.float64),
        ("quantity", np.float64),
        ("notional", np.float64),
        ("funding", np.float64),
        ("price_pnl", np.float64),
        ("fees", np.float64),
        ("slippage", np.float64),
        ("borrow", np.float64),
        ("penalty", np.float64),
        ("impact", np.float64),
        ("traded", np.float64),
        ("trade", np.int32),
        ("position", np.int32),
        ("instrument", np.int32),
        ("settlements", np.int32),
        ("reason", np.int32),
        ("source_kind", np.int8),
        ("exit_kind", np.int8),
        ("sign", np.int8),
        ("lone", np.bool_),
        ("delisted", np.bool_),  # its market ended when it was closed
    ],
    align=True,
)
"""What is told of a leg that is closed: of millions, memory is what they cost most."""

ENTRY: Final = np.dtype(
    [
        ("time_us", np.int64),
        ("kind", np.int64),
        ("trade", np.int64),
        ("price", np.float64),
        ("rate", np.float64),
        ("funding", np.float64),
        ("price_pnl", np.float64),
        ("fees", np.float64),
        ("slippage", np.float64),
        ("borrow", np.float64),
        ("penalty", np.float64),
    ],
    align=True,
)

ACCOUNT: Final = np.dtype(
    [
        ("cash", np.float64),  # since the start, without the capital
        ("cash_rest", np.float64),  # what rounding took from it
        ("trades", np.int64),  # numbers given out
        ("n_closed", np.int64),  # rows used of the closed trades
        ("n_entries", np.int64),  # rows used of the ledger
        ("missed", np.int64),  # settlements that the spacing says are absent, while held
        ("equity", np.float64),
        ("unrealised", np.float64),
        ("gross", np.float64),
        ("net", np.float64),
        ("locked", np.float64),
    ],
    align=True,
)

NEVER: Final = np.iinfo(np.int64).max
"""A time after all others."""

NOT_YET: Final = -(1 << 62)
"""A time before all others, from which the time elapsed is still a number."""

REFERENCE: Final = len(PRICE_KINDS)
"""The number after those in ``PRICE_KINDS``: its own last price, moved with those of its base."""

PROXY: Final = REFERENCE + 1
"""Valued at the other leg's prices."""

OPEN, SETTLEMENT, REBALANCE, LIQUIDATION, CLOSE = range(5)
ENTRY_KINDS: Final = ("open", "settlement", "rebalance", "liquidation", "close")

LIQUIDATED, HEDGE_GONE, SILENT, DELISTED, RUN_ENDED = range(5)
EXIT_REASONS: Final = (
    "liquidation",
    "other leg liquidated",
    "no data",
    "delisted",
    "end of the run",
)

(
    FILLED,
    NOT_TRADED,
    NO_PRICE,
    OLD_PRICE,
    GAP_WIDE,
    NO_VOLUME,
    BELOW_STEP,
    UNDER_MARGINED,
    NO_CAPITAL,
    VENUE_FULL,
    BOOK_FULL,
    NO_VOLATILITY,
) = range(12)
REFUSALS: Final = (
    "filled",
    "a leg had not been seen trading for stale_after_hours, or never yet",
    "no price was known",
    "no price was known within max_price_age_hours",
    "the prices of their legs lie further than max_price_gap_bps apart, and are not of one asset",
    "no 24-hour volume was known, which the depth model needs",
    "the size rounds down to less than one order step",
    "leverage leaves a leg no more collateral than its venue's tier requires",
    "free capital did not cover its margin and costs",
    "max_venue_usd was reached",
    "max_positions was reached",
    "the base had moved for less than a day, and its risk was unknown",
)

NO_IMPACT, LINEAR_IMPACT, DEPTH_IMPACT = range(3)
IMPACT_MODELS: Final = ("none", "linear", "depth")

COMPONENT_FIELDS: Final = ("funding", "price_pnl", "fees", "slippage", "borrow", "penalty")


class Rules(NamedTuple):
    """The configuration as numbers; shares are fractions, times microseconds."""

    fee_first: Ints
    fee_since_us: Ints
    fee_bps: Floats
    half_spread: float
    impact_model: int
    bps_per_million: float
    depth_share: float
    borrow_apr: float
    transfer_usd: float
    transfer_us: int
    """How long collateral is on its way."""
    leverage: float
    tier_first: Ints
    """Maintenance by venue and notional: tiers of venue ``v`` are ``tier_first[v]`` and on."""
    tier_from: Floats
    tier_rate: Floats
    tier_amount: Floats
    """``required = rate * notional - amount``, continuous from tier to tier."""
    cross: Flags
    """By venue: whether its legs share their collateral."""
    penalty_rate: float
    rebalance_threshold: float
    """Infinite where legs are never rebalanced."""
    capital_usd: float
    max_venue_usd: float
    stale_us: int
    price_age_us: int
    """Age of a price above which nothing is opened at it."""
    price_gap_bps: float
    """Gap of two legs' prices above which they are not of one asset; infinite where any may be."""
    stops_us: Ints
    """When each instrument is delisted; ``NEVER`` where it goes on."""


class Books(NamedTuple):
    """Everything that the kernel writes; ``sums`` holds closed components and their rounding.

    ``saved_legs`` and ``saved_account`` are for taking steps back.
    """

    account: NDArray[np.void]
    legs: NDArray[np.void]
    closed: NDArray[np.void]
    entries: NDArray[np.void]
    sums: Floats
    saved_legs: NDArray[np.void]
    saved_account: NDArray[np.void]


def empty_books(positions: int, *, entries: int = 4_096) -> Books:
    """Make books for so many positions at once; two slots each, the second empty for one leg."""
    legs = np.zeros(2 * positions, LEG)
    legs["next_us"] = NEVER
    return Books(
        account=np.zeros(1, ACCOUNT),
        legs=legs,
        closed=np.zeros(max(64, 4 * positions), TRADE),
        entries=np.zeros(entries, ENTRY),
        sums=np.zeros((len(COMPONENT_FIELDS), 2)),
        saved_legs=np.zeros(2 * positions, LEG),
        saved_account=np.zeros(1, ACCOUNT),
    )


def with_room(books: Books, closed: int, entries: int) -> Books:
    """Return the same books, doubled where so many more closed legs or entries have no room."""
    account = books.account[0]
    while account["n_closed"] + closed > len(books.closed):
        books = books._replace(closed=_twice(books.closed))
    while account["n_entries"] + entries > len(books.entries):
        books = books._replace(entries=_twice(books.entries))
    return books


def still_open(legs: NDArray[Any]) -> NDArray[np.void]:
    """Tell of open legs what is told of closed ones, at their last prices."""
    rows = np.zeros(len(legs), TRADE)
    for name in set(LEG.names or ()) & set(TRADE.names or ()):
        rows[name] = legs[name]
    rows["exit"], rows["price_pnl"] = legs["price"], price_pnl_of_all(legs)
    return rows


def price_pnl_of_all(legs: NDArray[Any]) -> Floats:
    """Compute what each leg has gained at its price, with what is closed of it."""
    given = (legs["sign"] * legs["size"], legs["entry"], legs["price"], legs["coin_usd"])
    gained = np.where(legs["inverse"], pnl_usd(True, *given), pnl_usd(False, *given))
    pnl: Floats = legs["realised"] + gained
    return pnl


def net_of(legs: NDArray[Any]) -> Floats:
    """Funding and price of each open leg, less all its costs so far."""
    costs = sum(legs[name] for name in ("fees", "slippage", "borrow", "penalty"))
    net: Floats = legs["funding"] + price_pnl_of_all(legs) - costs
    return net


def _twice(rows: NDArray[np.void]) -> NDArray[np.void]:
    """Make room for as many rows again, not yet written to."""
    larger = np.empty(2 * len(rows), rows.dtype)
    larger[: len(rows)] = rows
    return larger
