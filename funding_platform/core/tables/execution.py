"""Tables of schema ``execution``: what traders hold and have done, mirrored from their store.

The store decides; these are for SQL. Every amount is in US dollars, signed from the account's point
of view, but for fees, which count against it: *pnl = trading - fees + funding*, in every table.
"""

from typing import Final

from funding_platform.core.tables.columns import (
    BASE,
    PER_8H,
    VENUE,
    VENUE_SYMBOL,
    real_column,
    text_column,
    time_column,
)
from funding_platform.core.tables.schema import Column, Table, Type

_BASE_UNIT = "canonical base"
_PRICE = "quote currency per canonical base"


def _dollars(name: str, what: str) -> Column:
    """Return the column of what an inverse contract is for."""
    return real_column(name, f"{what}, of an inverse contract; null of a linear one.", "USD")


_PAIR_ID = Column("pair_id", Type.TEXT, "The pair; null where nobody could say.", nullable=True)
_LEG = Column("leg", Type.TEXT, "long or short; null as the pair.", values=("long", "short"))
_SIDE = Column("side", Type.TEXT, "buy or sell.", nullable=False, values=("buy", "sell"))
_EARNED = (
    real_column(
        "trading_usd",
        "Sum of -side * quantity_base * price over all fills, and what is held at its last price.",
        "USD",
    ),
    real_column("fees_usd", "Fees paid; negative is a rebate.", "USD"),
    real_column("funding_usd", "Funding received; negative when paid.", "USD"),
    real_column("pnl_usd", "trading_usd - fees_usd + funding_usd.", "USD"),
)


def _leg_columns(side: str) -> tuple[Column, ...]:
    return (
        text_column(f"{side}_venue", f"Venue of the {side} leg."),
        text_column(f"{side}_symbol", f"Symbol of the {side} leg."),
        real_column(
            f"{side}_base",
            f"Held on the {side} leg; short is negative. Of an inverse one, at the mid of the "
            "decision.",
            _BASE_UNIT,
        ),
        real_column(f"{side}_entry_price", f"Average of what opened the {side} leg.", _PRICE),
        real_column(f"{side}_exit_price", f"Average of what reduced the {side} leg.", _PRICE),
        real_column(f"{side}_funding_usd", f"Funding of the {side} leg.", "USD"),
    )


POSITIONS: Final = Table(
    "execution",
    "positions",
    "Every pair that was ever opened, or tried, as one position of two legs.",
    key=("pair_id",),
    columns=(
        Column("pair_id", Type.TEXT, "Its name.", nullable=False),
        Column(
            "state",
            Type.TEXT,
            "opening, open, closing, unwinding; closed, aborted or refused once it is over.",
            nullable=False,
            values=("refused", "opening", "open", "closing", "unwinding", "closed", "aborted"),
        ),
        BASE,
        text_column("strategy", "Who decided on it."),
        *_leg_columns("long"),
        *_leg_columns("short"),
        real_column("net_base", "Held of both legs together; 0 within a lot.", _BASE_UNIT),
        real_column("lot_base", "Smallest quantity that both venues can trade.", _BASE_UNIT),
        Column("size_usd", Type.REAL, "Notional of each leg as planned.", "USD", False, 0.0),
        Column("notional_usd", Type.REAL, "Value of the larger leg at entry.", "USD", False, 0.0),
        real_column("entry_divergence_8h", "Predicted divergence when decided.", PER_8H),
        Column("settlements", Type.INTEGER, "Funding payments so far.", None, False, 0),
        *_EARNED,
        Column("naked_seconds", Type.REAL, "One leg had more than the other.", "seconds", False, 0),
        time_column("decided_at", "When it was decided on.", nullable=False),
        time_column("opened_at", "When both legs stood; null where they never did."),
        time_column("closed_at", "When neither did any more; null while it is held."),
        text_column("close_reason", "Why it ends, or came to nothing.", nullable=True),
        time_column("updated_at", "When it last changed state.", nullable=False),
    ),
)

ORDERS: Final = Table(
    "execution",
    "orders",
    "Every order, from before it was sent.",
    key=("client_id",),
    columns=(
        Column("client_id", Type.TEXT, "Our name of it, never given twice.", nullable=False),
        Column("pair_id", Type.TEXT, "The pair.", nullable=False),
        Column("leg", Type.TEXT, "long or short.", nullable=False, values=("long", "short")),
        text_column("role", "open, complete, unwind or close."),
        VENUE,
        VENUE_SYMBOL,
        _SIDE,
        Column(
            "quantity_base",
            Type.REAL,
            "Ordered; of an inverse contract, at the mid of the decision.",
            _BASE_UNIT,
            False,
            0.0,
        ),
        _dollars("quantity_usd", "Ordered"),
        text_column("kind", "limit or market."),
        real_column("limit_price", "Worst price accepted; null without one.", _PRICE),
        Column("reduce_only", Type.FLAG, "Whether it may only reduce.", nullable=False),
        text_column("state", "unknown, open, filled, canceled or rejected."),
        Column("filled_base", Type.REAL, "Filled, as quantity_base.", _BASE_UNIT, False, 0.0),
        _dollars("filled_usd", "Filled"),
        real_column("average_price", "Of what is filled; null while nothing is.", _PRICE),
        text_column("venue_order_id", "The venue's name of it.", nullable=True),
        text_column("reason", "Why it was rejected.", nullable=True),
        time_column("created_at", "When it was written down, before it was sent.", nullable=False),
        time_column("updated_at", "When it last changed.", nullable=False),
    ),
)

FILLS: Final = Table(
    "execution",
    "fills",
    "Every fill, once.",
    key=("venue", "venue_symbol", "fill_id"),
    columns=(
        VENUE,
        VENUE_SYMBOL,
        Column("fill_id", Type.TEXT, "The venue's name of it.", nullable=False),
        _PAIR_ID,
        _LEG,
        text_column("client_id", "The order; null where the venue traded.", nullable=True),
        _SIDE,
        Column(
            "quantity_base",
            Type.REAL,
            "Filled; of an inverse contract, what opens at its price and what closes at the price "
            "at which it was opened.",
            _BASE_UNIT,
            False,
            0.0,
        ),
        _dollars("quantity_usd", "Filled"),
        Column("price", Type.REAL, "At which.", _PRICE, False, 0.0),
        Column("fee_usd", Type.REAL, "Paid; negative is a rebate.", "USD", False),
        Column("maker", Type.FLAG, "Whether the order was resting.", nullable=False),
        Column("liquidation", Type.FLAG, "Whether the venue traded, not we.", nullable=False),
        Column(
            "synthetic",
            Type.FLAG,
            "Whether it is inferred from the venue's totals, until the venue tells of it.",
            nullable=False,
        ),
        time_column("filled_at", "When.", nullable=False),
    ),
)

FUNDING_PAYMENTS: Final = Table(
    "execution",
    "funding_payments",
    "Funding received and paid, settlement by settlement.",
    key=("venue", "venue_symbol", "payment_id"),
    columns=(
        VENUE,
        VENUE_SYMBOL,
        Column("payment_id", Type.TEXT, "The venue's name of it.", nullable=False),
        _PAIR_ID,
        _LEG,
        Column(
            "quantity_base",
            Type.REAL,
            "Held; short is negative. Of an inverse contract, at the mid of the decision.",
            _BASE_UNIT,
            False,
        ),
        _dollars("quantity_usd", "Held"),
        Column(
            "funding_rate",
            Type.REAL,
            "Rate of the settlement.",
            "fraction of notional per funding interval, positive = longs pay shorts",
            False,
        ),
        Column("amount_usd", Type.REAL, "Received; negative when paid.", "USD", False),
        time_column("paid_at", "When.", nullable=False),
    ),
)

EVENTS: Final = Table(
    "execution",
    "events",
    "What happened, who brought it about and why: refusals, commands, halts, steps of pairs.",
    key=("event_id",),
    columns=(
        Column("event_id", Type.INTEGER, "In the order in which they happened.", None, False, 1),
        time_column("happened_at", "When.", nullable=False),
        text_column("kind", "What, in a word."),
        text_column("actor", "Who."),
        text_column("pair_id", "The pair; null where it is about none.", nullable=True),
        text_column("reason", "Why, in words."),
        text_column("details", "Everything else, as JSON."),
    ),
)

PERFORMANCE: Final = Table(
    "execution",
    "performance",
    "What all pairs together have brought, at the end of each cycle.",
    key=("taken_at",),
    columns=(
        time_column("taken_at", "When the cycle ended.", nullable=False),
        text_column("trader", "Name of the trader's configuration."),
        Column("pairs", Type.INTEGER, "Held.", None, False, 0),
        Column("notional_usd", Type.REAL, "Of one leg of what is held.", "USD", False, 0.0),
        real_column("equity_usd", "Of all accounts; null where one did not say.", "USD"),
        *_EARNED,
    ),
)

EXECUTION_TABLES: Final = (POSITIONS, ORDERS, FILLS, FUNDING_PAYMENTS, EVENTS, PERFORMANCE)
