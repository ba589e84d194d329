"""Where the money came from: over time, by month, component, venue, base and trade."""

from collections.abc import Iterator
from typing import Final

import polars as pl

from funding_platform.backtest.results.attribution import (
    best_and_worst,
    by_holding_time,
    by_leg,
    by_month,
)
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.backtest.tear_sheet import words
from funding_platform.backtest.tear_sheet.layout import (
    MONEY,
    Column,
    Section,
    shortened,
    table,
)
from funding_platform.backtest.tear_sheet.svg import Series, bar_chart, legend, time_chart
from funding_platform.core.plain_text import visible
from funding_platform.core.tables.backtests.ledgers import COMPONENTS, COSTS

_TRADE: Final[tuple[Column, ...]] = (
    ("base", "base", words.words),
    ("venues", "long / short", words.words),
    ("opened_at", "opened, UTC", words.moment),
    ("hours", "held", words.span),
    *MONEY,
    ("exit_reason", "closed for", words.words),
)


def money_over_time(result: BacktestResult) -> Iterator[Section]:
    """Draw what was earned so far, in its layers, and how far the equity was below its peak."""
    equity = result.equity
    times = equity["time"].cast(pl.Int64).to_numpy()
    costs = equity.select(-pl.sum_horizontal(COSTS)).to_series().to_numpy()
    series = [
        Series("net", equity["equity"].to_numpy() - result.config.capital_usd),
        Series("funding", equity["funding_usd"].to_numpy()),
        Series("price", equity["price_pnl_usd"].to_numpy()),
        Series("costs", costs),
    ]
    yield Section(
        "Profit and loss since the start, USD",
        note="Net is funding and price less every cost; the three layers add up to it.",
        picture=time_chart(times, series, words.short_usd) + legend(one.name for one in series),
    )
    falls = Series("drawdown", -equity["drawdown"].to_numpy())
    yield Section(
        "Drawdown from the highest equity so far",
        picture=time_chart(times, [falls], words.percent, height=150, filled=True),
    )


def months(result: BacktestResult) -> Section:
    """Show what each calendar month brought."""
    found = by_month(result.equity).with_columns(
        month=pl.format("{}-{}", "year", pl.col("month").cast(pl.String).str.zfill(2))
    )
    columns: tuple[Column, ...] = (
        ("month", "month", words.words),
        ("return", "return", words.percent),
        *MONEY,
    )
    return table("Return by month", found, columns, wide=False)


def attribution(result: BacktestResult) -> Iterator[Section]:
    """By component, venue and base."""
    last = {name: float(result.equity[name][-1]) for name in COMPONENTS}
    signed = {
        name.removesuffix("_usd").replace("_pnl", ""): -last[name] if name in COSTS else last[name]
        for name in COMPONENTS
    }
    capital = result.config.capital_usd
    rows = [
        (name, words.usd(value), words.percent(value / capital))
        for name, value in (*signed.items(), ("net", sum(signed.values())))
    ]
    yield Section(
        "Profit and loss by component",
        header=("component", "USD", "of the capital"),
        rows=rows,
        wide=False,
    )
    for name, note in (
        ("venue", "Price is that of the venue's own legs: what hedges it lies elsewhere."),
        ("base", ""),
    ):
        found = by_leg(result.trades, name)
        if found.height:
            shown = shortened(found, name)
            columns: tuple[Column, ...] = (
                (name, name, words.words), ("legs", "legs", words.count), *MONEY,
                ("traded_usd", "traded, USD", words.usd),
            )  # fmt: skip
            bars = bar_chart(
                [visible(one) for one in shown[name]], shown["net_usd"].to_list(), words.usd
            )
            yield table(f"By {name}", shown, columns, note=note, picture=bars)
    pairs = _by_pair(result)
    if pairs.height:
        by_pair: tuple[Column, ...] = (
            ("venues", "long / short", words.words), ("positions", "positions", words.count),
            *MONEY, ("hit_rate", "earned something", words.percent),
        )  # fmt: skip
        yield table("By venue pair", shortened(pairs, "venues"), by_pair)


def _by_pair(result: BacktestResult) -> pl.DataFrame:
    return (
        result.positions.group_by("venues")
        .agg(
            pl.len().alias("positions"),
            pl.col("funding_usd").sum(),
            pl.col("price_pnl_usd").sum().alias("price_usd"),
            pl.sum_horizontal(COSTS).sum().alias("costs_usd"),
            pl.col("net_pnl_usd").sum().alias("net_usd"),
            (pl.col("net_pnl_usd") > 0).mean().alias("hit_rate"),
        )
        .sort("net_usd", "venues", descending=[True, False])
    )


def holding(result: BacktestResult) -> Section | None:
    """How long positions were held, and what that brought."""
    held = by_holding_time(result.positions)
    if held.is_empty():
        return None
    columns = (
        ("held", "held", words.words), ("positions", "positions", words.count), MONEY[0],
        MONEY[2], MONEY[3], ("hit_rate", "earned something", words.percent),
    )  # fmt: skip
    return table("By holding time", held, columns)


def extremes(result: BacktestResult) -> Iterator[Section]:
    """Show the trades at both ends."""
    best, worst = best_and_worst(result.positions)
    for title, frame in (("Best trades", best), ("Worst trades", worst)):
        if frame.height:
            yield table(title, frame, _TRADE)
