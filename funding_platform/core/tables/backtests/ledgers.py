"""Tables of schema ``backtest``: what simulated runs did, to the last cent.

Every amount is in US dollars. Earnings (``funding_usd``, ``price_pnl_usd``) are signed, costs
(``fees_usd``, ``slippage_usd``, ``borrow_usd``, ``penalty_usd``) count against equity; in every
table *equity change = funding + price - fees - slippage - borrow - penalties*.

No table is partitioned: a run is stored in one commit, hence in files of its own, which the
statistics of ``run_id`` tell apart; where maintenance has merged them, its rows lie together.
"""

from typing import Final

from funding_platform.core.tables.columns import BASE, PRICE_UNIT, VENUE, VENUE_SYMBOL
from funding_platform.core.tables.schema import Column, Table, Type

COMPONENTS: Final = (
    "funding_usd",
    "price_pnl_usd",
    "fees_usd",
    "slippage_usd",
    "borrow_usd",
    "penalty_usd",
)
"""What a change of equity is made of: two earnings, then four costs."""

EARNINGS: Final = COMPONENTS[:2]
COSTS: Final = COMPONENTS[2:]

PRICE_SOURCES: Final = ("mark", "index", "close", "reference", "proxy")
"""What a leg was valued at."""

RUN_ID: Final = Column("run_id", Type.TEXT, "The run.", nullable=False)
_MEANINGS: Final = {
    "funding_usd": "Funding received; negative when paid.",
    "price_pnl_usd": "Profit or loss from the price.",
    "fees_usd": "Trading fees; negative is a rebate.",
    "slippage_usd": "Half-spread and impact of the fills.",
    "borrow_usd": "Borrowing and transfers of collateral.",
    "penalty_usd": "Charges for liquidation.",
}


def signed_usd_column(name: str, description: str, *, nullable: bool = False) -> Column:
    """Declare a signed amount of US dollars."""
    return Column(name, Type.REAL, description, "USD", nullable)


def _hours(name: str, description: str) -> Column:
    """Declare a span of time."""
    return Column(name, Type.REAL, description, "hours", minimum=0.0)


def components_column(note: str) -> tuple[Column, ...]:
    """Declare the six components, with what they cover here."""
    return tuple(
        signed_usd_column(name, f"{meaning} {note}") for name, meaning in _MEANINGS.items()
    )


TRADES: Final = Table(
    "backtest",
    "trades",
    "One row per leg of a position, from its first fill to its last, with every cost.",
    key=("run_id", "trade_id"),
    columns=(
        RUN_ID,
        Column("trade_id", Type.INTEGER, "Number of the leg within the run.", None, False, 0),
        Column("position_id", Type.INTEGER, "Position that the leg is of.", None, False, 0),
        VENUE,
        VENUE_SYMBOL,
        BASE,
        Column("side", Type.TEXT, "long or short.", None, False, values=("long", "short")),
        Column("opened_at", Type.TIME, "First fill.", nullable=False),
        Column("closed_at", Type.TIME, "Last fill; null while open at the end of the run."),
        Column("quantity_base", Type.REAL, "Size at entry.", "canonical base", False, 0.0),
        signed_usd_column("notional_usd", "Value at entry."),
        Column("entry_price", Type.REAL, "Price at entry, before slippage.", PRICE_UNIT, False),
        Column("exit_price", Type.REAL, "Price at exit, or the last one while open.", PRICE_UNIT),
        Column(
            "price_source",
            Type.TEXT,
            "At entry: mark, index or close, of the leg's own venue; reference: the last of these, "
            "moved with the base's other markets; or proxy: the other leg's prices.",
            nullable=False,
            values=PRICE_SOURCES,
        ),
        _hours(
            "price_age_hours",
            "From the instant that the price is of to the entry; null in older runs.",
        ),
        Column(
            "exit_price_source",
            Type.TEXT,
            "Likewise of the price at exit; null while open.",
            values=PRICE_SOURCES,
        ),
        _hours("exit_price_age_hours", "Likewise at exit; null while open."),
        *components_column("Of the leg, up to its exit."),
        signed_usd_column("traded_usd", "Notional of all fills."),
        signed_usd_column("impact_usd", "The part of slippage_usd that grows with size."),
        Column("n_settlements", Type.INTEGER, "Settlements it earned or paid.", None, False, 0),
        Column("exit_reason", Type.TEXT, "Why it was closed; null while open."),
    ),
    sort_by=("run_id", "trade_id"),
)

EQUITY: Final = Table(
    "backtest",
    "equity",
    "What a run was worth at its start, before any fill, and after each later decision; "
    "components are sums since the start.",
    key=("run_id", "time"),
    columns=(
        RUN_ID,
        Column("time", Type.TIME, "Decision time, after its fills.", nullable=False),
        signed_usd_column("equity", "Capital, plus everything earned, less every cost."),
        signed_usd_column("cash_usd", "Equity less what open legs have gained or lost by price."),
        signed_usd_column("gross_usd", "Notional of the open legs, long and short added."),
        signed_usd_column("net_usd", "Notional of the open legs, long less short."),
        *components_column("Since the start."),
        Column("drawdown", Type.REAL, "1 - equity / its highest so far.", "fraction", False),
        Column("n_positions", Type.INTEGER, "Open positions.", None, False, 0),
    ),
    sort_by=("run_id", "time"),
)

LEDGER: Final = Table(
    "backtest",
    "ledger",
    "Every fill, settlement, transfer and liquidation of a run, in the order of time.",
    key=("run_id", "seq"),
    columns=(
        RUN_ID,
        Column("seq", Type.INTEGER, "Number of the entry within the run.", None, False, 0),
        Column("time", Type.TIME, "When it happened.", nullable=False),
        Column(
            "kind",
            Type.TEXT,
            "What happened.",
            None,
            False,
            values=("open", "settlement", "rebalance", "liquidation", "close"),
        ),
        Column("trade_id", Type.INTEGER, "Leg that it happened to.", None, False, 0),
        Column("price", Type.REAL, "Price that amounts were computed at.", PRICE_UNIT, False),
        Column("funding_rate", Type.REAL, "Rate of a settlement.", "fraction per interval"),
        *components_column(
            "Of this entry; price and borrowing are booked when a leg, or part of it, closes."
        ),
    ),
    sort_by=("run_id", "seq"),
)

EXPOSURE: Final = Table(
    "backtest",
    "exposure",
    "What a run held on each venue, whenever it had changed at a decision time.",
    key=("run_id", "time", "venue"),
    columns=(
        RUN_ID,
        Column("time", Type.TIME, "From when on it was held.", nullable=False),
        VENUE,
        signed_usd_column("gross_usd", "Notional of the legs there, at their entry prices."),
    ),
    sort_by=("run_id", "time", "venue"),
)

FRAMES: Final = (TRADES, EQUITY, LEDGER, EXPOSURE)
"""What a whole run consists of."""

MAX_IDENTITY_ERROR: Final = 1e-9
"""Of the capital. A run whose books are further apart has lost track of money."""
