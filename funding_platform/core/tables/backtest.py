"""Tables of schema ``backtest``: what simulated runs did, to the last cent.

Every amount is in US dollars. Earnings (``funding_usd``, ``price_pnl_usd``) are signed, costs
(``fees_usd``, ``slippage_usd``, ``borrow_usd``, ``penalty_usd``) count against equity; in every
table *equity change = funding + price - fees - slippage - borrow - penalties*.

No table is partitioned: a run is stored in one commit, hence in files of its own, which the
statistics of ``run_id`` tell apart; where maintenance has merged them, its rows lie together.
"""

from collections.abc import Iterator
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
    """Declare a signed amount of US dollars."""
    return Column(name, Type.REAL, description, "USD", nullable)


def _hours(name: str, description: str) -> Column:
    """Declare a span of time."""
    return Column(name, Type.REAL, description, "hours", minimum=0.0)


def _components(note: str) -> tuple[Column, ...]:
    """Declare the six components, with what they cover here."""
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
        *_components(
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
        _RUN_ID,
        Column("time", Type.TIME, "From when on it was held.", nullable=False),
        VENUE,
        _usd("gross_usd", "Notional of the legs there, at their entry prices."),
    ),
    sort_by=("run_id", "time", "venue"),
)

FRAMES: Final = (TRADES, EQUITY, LEDGER, EXPOSURE)
"""What a whole run consists of."""

MAX_IDENTITY_ERROR: Final = 1e-9
"""Of the capital. A run whose books are further apart has lost track of money."""


def _shares() -> Iterator[Column]:
    """Declare the share that each component has in the net, costs negative."""
    for name in COMPONENTS:
        stem = name.removesuffix("_usd").removesuffix("_pnl")
        sign = "" if name in EARNINGS else "-"
        yield Column(
            f"{stem}_share",
            Type.REAL,
            f"{sign}{name} / net_pnl_usd; the six make 1. Null where the net is zero.",
            "fraction",
        )


def _figure(name: str, description: str, unit: str | None = "fraction") -> Column:
    """Declare a figure that may be undefined."""
    return Column(name, Type.REAL, description, unit)


_FIGURES: Final = (
    Column("total_return", Type.REAL, "Last equity over capital, less 1.", "fraction", False),
    _figure("annualised_return", "Compounded to 365 days; null below one day."),
    _figure("volatility", "Of daily returns, per year."),
    _figure("sharpe", "Mean over deviation of daily returns, per year; no risk-free rate.", None),
    _figure("sharpe_low", "Lower end of its 95 % bootstrap interval.", None),
    _figure("sharpe_high", "Upper end of its 95 % bootstrap interval.", None),
    _figure("sharpe_adjusted", "Of a year, its autocorrelation admitted (Lo 2002).", None),
    _figure("sharpe_adjusted_low", "Lower end of its 95 % interval, robust to dependence.", None),
    _figure("sharpe_adjusted_high", "Upper end of its 95 % interval, robust to dependence.", None),
    _figure("effective_days", "Independent days that would say as much about the mean.", "days"),
    _figure("sortino", "Mean over downside deviation of daily returns, per year.", None),
    _figure("calmar", "Annualised return over max_drawdown.", None),
    Column("max_drawdown", Type.REAL, "Deepest fall from a peak.", "fraction", False, 0.0),
    _figure("max_drawdown_days", "From that peak to the recovery, or to the end.", "days"),
    Column("worst_day_at", Type.TIME, "Midnight that the worst day began with."),
    _figure("worst_day_return", "Return of that day."),
    Column("n_trades", Type.INTEGER, "Closed positions, as in all that follows.", None, False, 0),
    _figure("hit_rate", "Share of them that earned something after every cost."),
    _figure("turnover", "Bought and sold over the mean equity.", "per year"),
    _figure("mean_holding_hours", "From first fill to last, on average.", "hours"),
    _figure("capacity_usd", "Capital at which impact eats half of what is earned.", "USD"),
)

_CODE_VERSION: Final = Column(
    "code_version",
    Type.TEXT,
    "Version of the package and digest of its code; then those of a strategy from elsewhere.",
    nullable=False,
)

RUNS: Final = Table(
    "backtest",
    "runs",
    "What was run, on what, and what it achieved: enough to compare runs and to run one again.",
    key=("run_id",),
    columns=(
        _RUN_ID,
        Column("name", Type.TEXT, "What a person calls it.", nullable=False),
        Column("sweep_id", Type.TEXT, "Sweep or walk-forward that it belongs to."),
        Column("trial", Type.INTEGER, "Number of the trial, or of the fold, in there.", minimum=0),
        Column(
            "whole",
            Type.FLAG,
            "False for a trial of a sweep: only this row is kept, and a rerun gives the rest.",
            nullable=False,
        ),
        Column("strategy", Type.TEXT, "Name of the strategy.", nullable=False),
        Column("window_start", Type.TIME, "First decision.", nullable=False),
        Column("window_end", Type.TIME, "Last decision.", nullable=False),
        _usd("capital_usd", "Equity at the start."),
        *_components("In all."),
        _usd("net_pnl_usd", "Funding and price less all costs."),
        *_shares(),
        *_FIGURES,
        Column(
            "identity_error",
            Type.REAL,
            "abs(equity change - component sum) / capital, the largest over all rows.",
            "fraction",
            nullable=False,
            minimum=0.0,
            maximum=MAX_IDENTITY_ERROR,
        ),
        Column("config", Type.TEXT, "The whole configuration, as JSON.", nullable=False),
        Column(
            "config_digest",
            Type.TEXT,
            "SHA-256 of the configuration without its window: equal for runs of one strategy.",
            nullable=False,
        ),
        _CODE_VERSION,
        Column(
            "lake_snapshot_id",
            Type.INTEGER,
            "Snapshot of the lake that was read; null for data from files.",
            minimum=0,
        ),
        Column("data_fingerprint", Type.TEXT, "SHA-256 of the data that was read.", None, False),
        *(
            Column(f"{table.name}_digest", Type.TEXT, f"SHA-256 of its {table.name}.", None, False)
            for table in FRAMES
        ),
        Column("started_at", Type.TIME, "When the run began.", nullable=False),
        Column("finished_at", Type.TIME, "When it ended.", nullable=False),
        Column("warnings", Type.TEXTS, "What the run had to assume or leave out.", nullable=False),
    ),
    sort_by=("run_id",),
)

SWEEPS: Final = Table(
    "backtest",
    "sweeps",
    "Many runs of one configuration: a sweep, whose best trial is named with its deflated Sharpe "
    "ratio, or a walk-forward, whose folds together are its result.",
    key=("sweep_id",),
    columns=(
        Column("sweep_id", Type.TEXT, "The sweep.", nullable=False),
        Column("name", Type.TEXT, "What a person calls it.", nullable=False),
        Column(
            "method",
            Type.TEXT,
            "How points were chosen.",
            None,
            False,
            values=("grid", "random", "walk_forward"),
        ),
        Column("config", Type.TEXT, "What all points have in common, as JSON.", nullable=False),
        Column("plan", Type.TEXT, "The axes and how they are tried, as JSON.", nullable=False),
        Column("n_trials", Type.INTEGER, "Points tried.", None, False, 0),
        Column(
            "failures", Type.TEXTS, "Trials without a result, each with its error.", None, False
        ),
        Column("best_run_id", Type.TEXT, "Trial with the highest Sharpe ratio."),
        _figure("sharpe", "Sharpe ratio of that trial, or of a walk-forward's equity.", None),
        _figure("total_return", "Return of that trial, or of a walk-forward's equity."),
        _figure("luck_sharpe", "What the best of so many trials shows without any skill.", None),
        Column(
            "deflated_sharpe",
            Type.REAL,
            "Probability that the true ratio of the best trial exceeds luck_sharpe.",
            "fraction",
            minimum=0.0,
            maximum=1.0,
        ),
        _CODE_VERSION,
        Column("lake_snapshot_id", Type.INTEGER, "Snapshot that was read.", None, False, 0),
        Column("started_at", Type.TIME, "When it began.", nullable=False),
        Column("finished_at", Type.TIME, "When it ended.", nullable=False),
    ),
    sort_by=("sweep_id",),
)

BACKTEST_TABLES: Final = (RUNS, SWEEPS, *FRAMES)
