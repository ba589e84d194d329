"""A run as one HTML file: charts drawn in it, nothing loaded from elsewhere.

What a mail can carry and a browser opens without a network, years later.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final

import polars as pl
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from funding_platform.backtest.results.charts import equity_chart
from funding_platform.backtest.results.metrics import Metrics
from funding_platform.backtest.results.result import BacktestResult
from funding_platform.backtest.tear_sheet import words
from funding_platform.backtest.tear_sheet.sections import sections_of
from funding_platform.core.plain_text import visible
from funding_platform.core.tables.backtests.ledgers import COSTS

_WRITTEN: Final = {
    **dict.fromkeys(
        (
            *("total_return", "annualised_return", "volatility", "max_drawdown"),
            *("worst_day_return", "hit_rate"),
        ),
        words.percent,
    ),
    "trades": words.count,
    "capacity_usd": words.usd,
    "mean_holding_hours": words.span,
}
"""How figures are written that are no ratios."""


@dataclass(frozen=True, slots=True)
class ReportInput:
    """What a report shows of a run.

    Parameters
    ----------
    title
        Printed above everything.
    facts
        What identifies the run: its id, window, snapshot, code.
    result
        The run.
    stress
        What scenarios would have cost it, as from ``stress.losses.stressed``.
    capacity
        Its net at other sizes, as from ``search.capacity``; its own trades scaled when None.
    instruments
        ``venue``, ``venue_symbol`` and ``contract_type`` of what is known.
    """

    title: str
    facts: Mapping[str, str]
    result: BacktestResult
    stress: pl.DataFrame
    capacity: pl.DataFrame | None = None
    instruments: pl.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class Headline:
    """A figure in large print, with what qualifies it."""

    name: str
    value: str
    more: str = ""


def html_report(run: ReportInput) -> str:
    """Write the report as the text of one HTML file; every value is escaped."""
    result = run.result
    start, end = result.config.window
    days = (end - start).total_seconds() / 86_400
    return _template().render(
        title=run.title,
        subtitle=f"{words.moment(start)} to {words.moment(end)} UTC ({days:,.1f} days), "
        f"{words.usd(result.config.capital_usd)} USD of capital. Amounts are US dollars.",
        headline=headline(result),
        facts=list(run.facts.items()),
        warnings=result.warnings,
        sections=sections_of(result, run.stress, run.capacity, run.instruments),
        figures=metric_rows(result.metrics),
        config=json.dumps(result.config.model_dump(mode="json"), indent=2, default=str),
    )


def headline(result: BacktestResult) -> Sequence[Headline]:
    """Show the figures that a run is judged by, each with its interval or what it is made of."""
    found, last = result.metrics, result.equity.row(-1, named=True)
    costs = sum(last[name] for name in COSTS)
    days = found.effective_days
    fell = "" if found.max_drawdown_days is None else f"for {found.max_drawdown_days:.1f} days"
    return (
        Headline(
            "Net", words.usd(last["equity"] - result.config.capital_usd),
            f"{words.percent(found.total_return)} of the capital",
        ),
        Headline("Return per year", words.percent(found.annualised_return), "compounded"),
        Headline(
            "Sharpe, adjusted", words.ratio(found.sharpe_adjusted),
            words.interval(found.sharpe_adjusted_low, found.sharpe_adjusted_high),
        ),
        Headline(
            "Sharpe, plain", words.ratio(found.sharpe),
            words.interval(found.sharpe_low, found.sharpe_high),
        ),
        Headline("Largest drawdown", words.percent(found.max_drawdown), fell),
        Headline("Funding", words.usd(last["funding_usd"])),
        Headline("Price", words.usd(last["price_pnl_usd"])),
        Headline("Costs", words.usd(costs), "fees, slippage, borrowing, penalties"),
        Headline(
            "Positions closed", words.count(found.trades),
            "" if found.hit_rate is None else f"{words.percent(found.hit_rate)} earned something",
        ),
        Headline(
            "Turnover", "-" if found.turnover is None else f"{words.ratio(found.turnover)} x",
            "of the equity, per year",
        ),
        Headline("Held", words.span(found.mean_holding_hours), "on average"),
        Headline(
            "Days that count", "-" if days is None else f"{days:,.0f}",
            "" if days is None else "independent ones, for the mean",
        ),
    )  # fmt: skip


def markdown_summary(title: str, result: BacktestResult) -> str:
    """Write the equity as an embedded PNG above a Markdown table of the figures."""
    picture = _encoded(equity_chart(result.equity, title))
    lines = [f"| {name} | {value} |" for name, value in metric_rows(result.metrics)]
    table = "\n".join(["| figure | value |", "| --- | ---: |", *lines])
    return f"![equity](data:image/png;base64,{picture})\n\n{table}"


def metric_rows(metrics: Metrics) -> list[tuple[str, str]]:
    """List each figure with its name, as a person reads it."""
    return [
        (one.name.replace("_", " "), _written(one.name, getattr(metrics, one.name)))
        for one in fields(metrics)
    ]


def _written(name: str, value: Any) -> str:
    if isinstance(value, date):
        return words.moment(value)
    return _WRITTEN.get(name, words.ratio)(value)


def _encoded(picture: bytes) -> str:
    return base64.b64encode(picture).decode("ascii")


@cache
def _template() -> Template:
    folder = files("funding_platform.backtest") / "templates"
    environment = Environment(autoescape=True, undefined=StrictUndefined, finalize=_without_marks)
    text = (folder / "report.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(text)


def _without_marks(value: object) -> object:
    """Text whose direction and length no character in it can change; markup is drawn here."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
