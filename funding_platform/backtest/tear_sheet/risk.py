"""What the run could have lost, what it could carry, and what was assumed of it."""

import numpy as np
import polars as pl

from funding_platform.backtest.results.metrics import venue_exposure
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.backtest.results.venue_default import venue_at_risk
from funding_platform.backtest.tear_sheet import words
from funding_platform.backtest.tear_sheet.layout import MAX_ROWS, Section, table
from funding_platform.backtest.tear_sheet.svg import Series, bar_chart, log_chart
from funding_platform.core.tables.backtests.ledgers import COSTS


def capacity_section(result: BacktestResult, curve: pl.DataFrame | None) -> Section | None:
    """Net against size: run again at each, or else the trades scaled."""
    note = "The strategy run again at each size, with impact from the depth of the markets."
    if curve is None:
        curve = scaled_curve(result)
        note = (
            "The run's own trades at other sizes: impact grows with the square of the size, all "
            "else with the size. 'funding backtest capacity' runs the strategy again at each."
        )
    if curve.is_empty():
        return Section(
            "Capacity",
            note="The run charges no impact, so that it says nothing about size: "
            "set costs.slippage.impact, or run 'funding backtest capacity'.",
        )
    net = Series("net", curve["net_usd"].to_numpy())
    columns = (
        ("capital_usd", "capital, USD", words.usd), ("net_usd", "net, USD", words.usd),
        ("return", "return", words.percent), ("impact_usd", "impact, USD", words.usd),
    )  # fmt: skip
    picture = log_chart(curve["capital_usd"].to_numpy(), [net], words.short_usd, words.short_usd)
    return table("Capacity: net against capital, USD", curve, columns, note=note, picture=picture)


def scaled_curve(result: BacktestResult) -> pl.DataFrame:
    """``net(x) = x G - x^2 I`` for capital times ``x``, ``G`` net before impact ``I``.

    Returns
    -------
    polars.DataFrame
        ``capital_usd``, ``net_usd``, ``return`` and ``impact_usd``, from a tenth of the capital to
        thirty times; empty where the run has no impact, or a volume is unknown.
    """
    closed = result.trades.filter(pl.col("closed_at").is_not_null())
    impact = float(closed["impact_usd"].sum())
    unknown = closed["impact_usd"].null_count()
    sizes = np.array([]) if unknown or impact <= 0 else np.array([0.1, 0.3, 1, 3, 10, 30])
    capital = result.config.capital_usd
    before = float(result.equity["equity"][-1]) - capital + impact
    net = sizes * before - sizes**2 * impact
    return pl.DataFrame(
        {
            "capital_usd": sizes * capital,
            "net_usd": net,
            "return": net / (sizes * capital),
            "impact_usd": sizes**2 * impact,
        }
    )


def stress_section(stress: pl.DataFrame) -> Section | None:
    """Show what each scenario would have cost, in dollars and of the equity."""
    if stress.is_empty():
        return None
    columns = (
        ("title", "scenario", words.words), ("at", "worst at, UTC", words.moment),
        ("positions", "positions", words.count), ("price_usd", "price, USD", words.usd),
        ("quote_usd", "stablecoin, USD", words.usd),
        ("liquidation_usd", "liquidation, USD", words.usd),
        ("deleveraging_usd", "deleveraging, USD", words.usd),
        ("failure_usd", "failed venue, USD", words.usd), ("total_usd", "in all, USD", words.usd),
        ("share_of_equity", "of the equity", words.percent),
    )  # fmt: skip
    shares = stress["share_of_equity"].fill_null(0.0).to_list()
    unknown = max(map(int, stress["quotes_unknown"].drop_nulls()), default=0)
    note = "Each at the moment of the run at which it would have cost most. " + (
        f"The quote currency of {unknown} legs is unknown: a stablecoin's fall spares them."
        if unknown
        else ""
    )
    bars = bar_chart(stress["scenario"].to_list(), shares, words.percent)
    return table("Stress: loss of equity by scenario", stress, columns, note=note, picture=bars)


def venues(result: BacktestResult, instruments: pl.DataFrame | None) -> Section | None:
    """Show what was held on each venue, and what its failure would have taken."""
    lying = venue_at_risk(
        result.trades, result.ledger, result.equity, result.config.margin.leverage, instruments
    )
    if lying.is_empty():
        return None
    held = lying.join(
        venue_exposure(result.exposure, result.equity),
        on="venue",
        how="left",
        maintain_order="left",
    )
    columns = (
        ("venue", "venue", words.words), ("at_risk_usd", "lost with it, USD", words.usd),
        ("share", "of the equity", words.percent), ("at", "at, UTC", words.moment),
        ("mean_usd", "mean notional, USD", words.usd),
        ("peak_usd", "highest notional, USD", words.usd),
    )  # fmt: skip
    return table(
        "If a venue fails",
        held.head(MAX_ROWS),
        columns,
        note="Collateral, funding received and price gain that lay there, at their highest share.",
    )


def concerned(result: BacktestResult) -> Section | None:
    """Tell what the trades that a warning is about earned or lost."""
    trades = result.trades
    net = pl.sum_horizontal("funding_usd", "price_pnl_usd") - pl.sum_horizontal(COSTS)
    kinds = {
        "priced at the other leg's price": pl.col("price_source") == "proxy",
        "priced at the index": pl.col("price_source") == "index",
        "priced at closes of candles": pl.col("price_source") == "close",
        "liquidated": pl.col("exit_reason") == "liquidation",
        "lost their hedge to a liquidation": pl.col("exit_reason") == "other leg liquidated",
        "closed because data stopped": pl.col("exit_reason").is_in(["delisted", "no data"]),
        "still open at the end": pl.col("closed_at").is_null(),
    }
    rows = []
    for what, those in kinds.items():
        some = trades.filter(those)
        if some.height:
            earned = float(some.select(net).to_series().sum())
            penalty = float(some["penalty_usd"].sum())
            of_capital = words.percent(earned / result.config.capital_usd)
            rows.append((what, str(some.height), words.usd(earned), of_capital, words.usd(penalty)))
    if not rows:
        return None
    return Section(
        "What the warnings are about",
        note="Legs that something was assumed of, or that did not end as the strategy wished.",
        header=("legs", "number", "net, USD", "of the capital", "penalties, USD"),
        rows=rows,
    )
