"""The report of a run: one file, nothing loaded from elsewhere, every value escaped."""

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import polars as pl
import pytest

from funding_platform.backtest.results.metrics import PnlSplit, measure
from funding_platform.backtest.results.report import (
    ReportInput,
    html_report,
    markdown_summary,
    metric_rows,
    month_rows,
)
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform_tests.backtest.results.equities import DAY, START, daily

EQUITY = daily(*[1000.0 + (k % 7) - 3 + k for k in range(50)])
NO_TRADES = pl.DataFrame(
    schema={
        "opened_at": UTC_TIME,
        "closed_at": UTC_TIME,
        "traded_usd": pl.Float64,
        "impact_usd": pl.Float64,
        "net_pnl_usd": pl.Float64,
    }
)
RUN = ReportInput(
    title="carry <b>bold</b>",
    facts={"run": "one", "window": "March & April"},
    config={"capital_usd": 1000.0},
    equity=EQUITY,
    split=PnlSplit(60.0, -3.0, 5.0, 2.0, 0.0, 0.0),
    metrics=measure(EQUITY, NO_TRADES),
    tables={
        "Venue pairs": pl.DataFrame({"pair": ["okx <> bybit"], "net_usd": [-12.5]}),
        "Nothing": pl.DataFrame({"pair": []}),
    },
    warnings=["2 marks were missing"],
)


class Reader(HTMLParser):
    """Collects what a page would load, and checks that its tags pair up."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.open: list[str] = []
        self.tables: list[list[list[str]]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.loaded += [value or "" for name, value in attributes if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1].append(data)


@pytest.fixture(scope="module")
def page() -> Reader:
    reader = Reader()
    reader.feed(html_report(RUN))
    return reader


def test_the_file_is_well_formed_and_loads_nothing(page: Reader) -> None:
    assert page.open == []
    assert len(page.loaded) == 2
    for source in page.loaded:
        head, _, body = source.partition(",")
        assert head == "data:image/png;base64"
        assert base64.b64decode(body).startswith(b"\x89PNG")
    assert not re.search(r"https?://|@import|url\(", html_report(RUN))


def test_values_are_escaped() -> None:
    text = html_report(RUN)
    assert "<b>bold" not in text
    assert "carry &lt;b&gt;bold" in text
    assert "okx &lt;&gt; bybit" in text


def test_tables_hold_the_figures(page: Reader) -> None:
    facts, figures, split, months, pairs = page.tables
    assert facts == [["run", "one"], ["window", "March & April"]]
    assert ["sharpe", f"{RUN.metrics.sharpe:,.6g}"] in figures
    assert ["hit rate", "-"] in figures
    assert ["fees", "-5.00", "-10.00%"] in split
    assert months[1][0] == "2025"
    assert pairs[1:] == [["okx <> bybit", "-12.5"]]


def test_months_without_days_are_absent() -> None:
    (row,) = month_rows(daily(100, 110, start=START + 40 * DAY))
    assert row == ("2025", *["-"] * 3, "10.00%", *["-"] * 8)


def test_warnings_show_where_there_are_some() -> None:
    assert "2 marks were missing" in html_report(RUN)
    assert "Warnings" not in html_report(replace(RUN, warnings=()))


def test_the_summary_is_a_picture_and_a_table() -> None:
    picture, _, table = markdown_summary(RUN).partition("\n\n")
    body = re.fullmatch(r"!\[equity\]\(data:image/png;base64,(.+)\)", picture)
    assert body
    assert base64.b64decode(body[1]).startswith(b"\x89PNG")
    assert table.count("\n") == len(metric_rows(RUN.metrics)) + 1


def test_a_name_is_text_in_the_picture_and_in_the_page() -> None:
    named = replace(RUN, title=r"$\frac{ </title>\x1b[2J" "\x1b[2J\u202e")
    assert markdown_summary(named).startswith("![equity](data:image/png;base64,")
    page = html_report(named)
    assert not set("\x1b\u202e") & set(page)
    assert r"&lt;/title&gt;" in page
