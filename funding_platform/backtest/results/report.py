"""A run as one HTML file: pictures embedded, nothing loaded from elsewhere.

What a mail can carry and a browser opens without a network, years later.
"""

import base64
import calendar
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final

import polars as pl
from jinja2 import Environment, StrictUndefined, Template

from funding_platform.backtest.results.charts import equity_chart, split_chart
from funding_platform.backtest.results.metrics import Metrics, PnlSplit
from funding_platform.backtest.results.returns import monthly_returns
from funding_platform.core.plain_text import ABSENT, visible

_MONTHS: Final = tuple(calendar.month_abbr[1:])

_PERCENT: Final = (
    "total_return",
    "annualised_return",
    "volatility",
    "max_drawdown",
    "worst_day_return",
    "hit_rate",
)


@dataclass(frozen=True, slots=True)
class ReportInput:
    """What a report shows of a run.

    Parameters
    ----------
    title
        Printed above everything.
    facts
        What identifies the run: its id, window, snapshot, code.
    config
        The configuration, as plain values.
    equity
        Columns ``time`` and ``equity``, in the order of time.
    split
        What the profit and loss is made of.
    metrics
        The figures.
    tables
        Frames by title, e.g. venue pairs; shown as they are.
    warnings
        What the run wants noticed.
    """

    title: str
    facts: Mapping[str, str]
    config: Mapping[str, Any]
    equity: pl.DataFrame
    split: PnlSplit
    metrics: Metrics
    tables: Mapping[str, pl.DataFrame]
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with a picture, a table, or both."""

    title: str
    note: str = ""
    picture: str = ""
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


def html_report(run: ReportInput) -> str:
    """Write the report as the text of one HTML file; every value is escaped."""
    shares = run.split.shares()
    sections = [
        Section("Equity and drawdown", picture=_encoded(equity_chart(run.equity, ""))),
        Section(
            "Figures",
            note="Ratios are of daily simple returns between UTC midnights, over 365 days, without "
            "a risk-free rate; the interval is a stationary bootstrap.",
            header=("figure", "value"),
            rows=metric_rows(run.metrics),
        ),
        Section(
            "Profit and loss by component",
            picture=_encoded(split_chart(run.split.signed())),
            header=("component", "USD", "share of net"),
            rows=[
                (name, f"{amount:,.2f}", _percent(shares[name]))
                for name, amount in run.split.signed().items()
            ],
        ),
        Section("Return by month", header=("year", *_MONTHS), rows=month_rows(run.equity)),
        *(
            Section(
                title, header=frame.columns, rows=[list(map(_cell, row)) for row in frame.rows()]
            )
            for title, frame in run.tables.items()
            if not frame.is_empty()
        ),
    ]
    return _template().render(
        title=run.title,
        facts=list(run.facts.items()),
        warnings=run.warnings,
        sections=sections,
        config=json.dumps(run.config, indent=2, default=str),
    )


def markdown_summary(run: ReportInput) -> str:
    """Write the equity as an embedded PNG above a Markdown table of the figures."""
    picture = _encoded(equity_chart(run.equity, run.title))
    lines = [f"| {name} | {value} |" for name, value in metric_rows(run.metrics)]
    table = "\n".join(["| figure | value |", "| --- | ---: |", *lines])
    return f"![equity](data:image/png;base64,{picture})\n\n{table}"


def metric_rows(metrics: Metrics) -> list[tuple[str, str]]:
    """List each figure with its name, as a person reads it."""
    return [
        (
            one.name.replace("_", " "),
            (_percent if one.name in _PERCENT else _cell)(getattr(metrics, one.name)),
        )
        for one in fields(metrics)
    ]


def month_rows(equity: pl.DataFrame) -> list[tuple[str, ...]]:
    """Make one row per year, one cell per calendar month."""
    found = {(year, month): value for year, month, value in monthly_returns(equity).rows()}
    years = dict.fromkeys(year for year, _ in found)
    return [
        (str(year), *(_percent(found.get((year, month))) for month in range(1, 13)))
        for year in years
    ]


def _percent(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.2%}"


def _cell(value: object) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, float):
        return f"{value:,.6g}"
    return f"{value:%Y-%m-%d}" if isinstance(value, date) else str(value)


def _encoded(picture: bytes) -> str:
    return base64.b64encode(picture).decode("ascii")


@cache
def _template() -> Template:
    folder = files("funding_platform.backtest") / "templates"
    environment = Environment(autoescape=True, undefined=StrictUndefined, finalize=_without_marks)
    text = (folder / "report.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(text)


def _without_marks(value: object) -> object:
    """Return text whose direction and length no character in it can change."""
    return visible(value) if type(value) is str else value
