"""Tables of schema ``backtest``: what simulated runs did, to the last cent.

Every amount is in US dollars. Earnings (``funding_usd``, ``price_pnl_usd``) are signed, costs
(``fees_usd``, ``slippage_usd``, ``borrow_usd``, ``penalty_usd``) count against equity; in every
table *equity change = funding + price - fees - slippage - borrow - penalties*.
"""

from typing import Final

from funding_platform.core.columns import BASE, PRICE_UNIT, VENUE, VENUE_SYMBOL
from funding_platform.core.schema import Column, Table, Type

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

_RUN_ID = Column("run_id", Type.TEXT, "The run.", nullable=False)
_MEANINGS: Final = {
    "funding_usd": "Funding received; negative when paid.",
    "price_pnl_usd": "Profit or loss from the price.",
    "fees_usd": "Trading fees; negative is a rebate.",
    "slippage_usd": "Half-spread and impact of the fills.",
    "borrow_usd": "Borrowing and transfers of collateral.",
    "penalty_usd": "Charges for liquidation.",
}


def _usd(name: str, description: str, *, nullable: bool = False) -> Column:
    """A signed amount of US dollars."""
    return Column(name, Type.REAL, description, "USD", nullable)


def _components(note: str) -> tuple[Column, ...]:
    """The six components, with what they cover here."""
    return tuple(_usd(name, f"{meaning} {note}") for name, meaning in _MEANINGS.items())


TRADES: Final = Table(
    "backtest",
    "trades",
    "One row per leg of a position, from its first fill to its last, with every cost.",
    key=("run_id", "trade_id"),
    columns=(
        _RUN_ID,
        Column("trade_id", Type.INTEGER, "Number of the leg within the run.", None, False, 0),
        Column("position_id", Type.INTEGER, "Position that the leg is of.", None, False, 0),
        VENUE,
        VENUE_SYMBOL,
        BASE,
        Column("side", Type.TEXT, "long or short.", None, False, values=("long", "short")),
        Column("opened_at", Type.TIME, "First fill.", nullable=False),
        Column("closed_at", Type.TIME, "Last fill; null while open at the end of the run."),
        Column("quantity_base", Type.REAL, "Size at entry.", "canonical base", False, 0.0),
        _usd("notional_usd", "Value at entry."),
        Column("entry_price", Type.REAL, "Price at entry, before slippage.", PRICE_UNIT, False),
        Column("exit_price", Type.REAL, "Price at exit, or the last one while open.", PRICE_UNIT),
        Column(
            "price_source",
            Type.TEXT,
            "mark, index or close, of the leg's own venue; or proxy: the other leg's prices.",
            nullable=False,
            values=("mark", "index", "close", "proxy"),
        ),
        *_components("Of the leg, up to its exit."),
        _usd("traded_usd", "Notional of all fills."),
        _usd("impact_usd", "The part of slippage_usd that grows with size."),
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
        _RUN_ID,
        Column("time", Type.TIME, "Decision time, after its fills.", nullable=False),
        _usd("equity", "Capital, plus everything earned, less every cost."),
        _usd("cash_usd", "Equity less what open legs have gained or lost by their prices."),
        _usd("gross_usd", "Notional of the open legs, long and short added."),
        _usd("net_usd", "Notional of the open legs, long less short."),
        *_components("Since the start."),
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
        _RUN_ID,
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
        *_components("Of this entry; price and borrowing are booked when a leg closes."),
    ),
    sort_by=("run_id", "seq"),
)

EXPOSURE: Final = Table(
    "backtest",
    "exposure",
    "What a run held on each venue, whenever it had changed at a decision time.",
    key=("run_id", "time", "venue"),
    columns=(
        _RUN_ID,
        Column("time", Type.TIME, "From when on it was held.", nullable=False),
        VENUE,
        _usd("gross_usd", "Notional of the legs there, at their entry prices."),
    ),
    sort_by=("run_id", "time", "venue"),
)

RUNS: Final = Table(
    "backtest",
    "runs",
    "What was run: configuration, code and data, enough to run it again.",
    key=("run_id",),
    columns=(
        _RUN_ID,
        Column("config", Type.TEXT, "The whole configuration, as JSON.", nullable=False),
        Column("code_version", Type.TEXT, "Version of the package.", nullable=False),
        Column("lake_snapshot_id", Type.INTEGER, "Snapshot of the lake that was read."),
        Column("data_fingerprint", Type.TEXT, "Digest of the data that was read.", nullable=False),
        Column("started_at", Type.TIME, "When the run began.", nullable=False),
        Column("finished_at", Type.TIME, "When it ended.", nullable=False),
        Column("warnings", Type.TEXTS, "What the run had to assume or leave out.", nullable=False),
    ),
    sort_by=("run_id",),
)
