"""The report of a run: one file, nothing loaded from elsewhere, every value escaped."""

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import polars as pl
import pytest

from funding_platform.backtest.data.provider import FundingDataProvider
from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.results.report import (
    ReportInput,
    headline,
    html_report,
    markdown_summary,
    metric_rows,
)
from funding_platform.backtest.stress.losses import stressed
from funding_platform.backtest.stress.scenarios import built_in
from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
from funding_platform_tests.backtest.markets import HOUR, START, Told, config, drawn_market

MARKET = FundingDataProvider.from_frames(drawn_market(3))
SETTING = config(
    240.0,
    costs={"flat_fee_bps": 1.0, "slippage": {"impact": "linear"}},
    strategy=CrossVenueCarry(horizon_hours=48, entry_threshold=1e-4),
)
RESULT = run_backtest(SETTING, MARKET)
RUN = ReportInput(
    title="carry <b>bold</b>",
    facts={"run": "one", "code": "a & b"},
    result=RESULT,
    stress=stressed(RESULT, built_in()),
)
IDLE = run_backtest(config(240.0), MARKET, Told({}))
NOTHING = ReportInput("idle", {}, IDLE, stressed(IDLE, built_in()))


class Reader(HTMLParser):
    """Collects what a page would load, and checks that its tags pair up."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.open: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.titles: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.loaded += [value or "" for name, value in attributes if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.loaded += [value or "" for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1].append(data)
        if self.open and self.open[-1] == "h2":
            self.titles.append(data)


def read(run: ReportInput) -> Reader:
    reader = Reader()
    reader.feed(html_report(run))
    return reader


@pytest.fixture(scope="module")
def page() -> Reader:
    return read(RUN)


def table_of(page: Reader, heading: str) -> list[list[str]]:
    return next(table for table in page.tables if table[0][0] == heading)


@pytest.mark.parametrize("run", [RUN, NOTHING], ids=["trades", "nothing"])
def test_the_file_is_well_formed_and_loads_nothing(run: ReportInput) -> None:
    found = read(run)
    assert found.open == []
    assert found.loaded == []
    assert not re.search(r"https?://|@import|url\(|<script", html_report(run))


def test_values_are_escaped() -> None:
    text = html_report(RUN)
    assert "<b>bold" not in text
    assert "carry &lt;b&gt;bold" in text
    assert "a &amp; b" in text


def test_a_desk_finds_every_section(page: Reader) -> None:
    wanted = (
        "Profit and loss since the start", "Drawdown", "Return by month",
        "Profit and loss by component", "By venue", "By base", "By venue pair",
        "By holding time", "Capacity", "Stress", "If a venue fails", "Best trades",
        "Worst trades",
    )  # fmt: skip
    missing = [one for one in wanted if not any(title.startswith(one) for title in page.titles)]
    assert missing == []


def test_tables_add_up_to_the_net(page: Reader) -> None:
    net = RESULT.equity["equity"][-1] - SETTING.capital_usd
    component = {row[0]: row[1] for row in table_of(page, "component")}
    assert float(component["net"].replace(",", "")) == pytest.approx(net, abs=0.51)
    for heading in ("venue", "base", "month"):
        table = table_of(page, heading)
        place = table[0].index("net, USD")
        total = sum(float(row[place].replace(",", "")) for row in table[1:])
        assert total == pytest.approx(net, abs=0.51 * len(table))


def test_figures_are_rounded_for_people(page: Reader) -> None:
    assert not re.search(
        r"\d\.\d{3,}[^\d%]", " ".join(c for t in page.tables[:-2] for r in t for c in r)
    )
    text = html_report(RUN)
    assert "prefers-color-scheme: dark" in text
    assert "<svg" in text


def test_the_headline_has_intervals() -> None:
    found = {one.name: one for one in headline(RESULT)}
    assert " to " in found["Sharpe, plain"].more
    assert found["Positions closed"].value == str(RESULT.metrics.trades)
    assert found["Net"].more.endswith("% of the capital")


def test_a_run_without_trades_says_nothing_that_it_does_not_know() -> None:
    text = html_report(NOTHING)
    assert not re.search(r"\b(nan|inf|None)\b", text.partition("<pre>")[0])
    assert "Best trades" not in text


def test_warnings_show_where_there_are_some() -> None:
    warned = replace(RUN, result=replace(RESULT, warnings=("2 marks were missing",)))
    assert "2 marks were missing" in html_report(warned)
    silent = replace(RUN, result=replace(RESULT, warnings=()))
    assert "<h2>Warnings</h2>" not in html_report(silent)


def test_what_a_warning_is_about_is_said_in_money() -> None:
    """A market whose venue0 has no prices: its legs are valued at the others'."""
    unpriced = drawn_market(3).with_columns(
        mark_price=pl.when(pl.col("venue") != "venue0").then("mark_price")
    )
    result = run_backtest(SETTING, FundingDataProvider.from_frames(unpriced))
    found = read(replace(RUN, result=result))
    row = next(row for row in table_of(found, "legs")[1:] if "other leg's price" in row[0])
    proxied = result.trades.filter(price_source="proxy")
    assert proxied.height > 0
    assert row[1] == str(proxied.height)


def test_the_summary_is_a_picture_and_a_table() -> None:
    picture, _, table = markdown_summary("run", RESULT).partition("\n\n")
    body = re.fullmatch(r"!\[equity\]\(data:image/png;base64,(.+)\)", picture)
    assert body
    assert base64.b64decode(body[1]).startswith(b"\x89PNG")
    assert table.count("\n") == len(metric_rows(RESULT.metrics)) + 1


def test_a_name_is_text_in_the_picture_and_in_the_page() -> None:
    name = r"$\frac{ </title>\x1b[2J" "\x1b[2J\u202e"
    assert markdown_summary(name, RESULT).startswith("![equity](data:image/png;base64,")
    page = html_report(replace(RUN, title=name))
    assert not set("\x1b\u202e") & set(page)
    assert r"&lt;/title&gt;" in page


def test_a_base_is_text_in_the_charts() -> None:
    odd = RESULT.trades.with_columns(base=pl.lit("<i>\x1b[2J"))
    page = html_report(replace(RUN, result=replace(RESULT, trades=odd)))
    assert "<i>" not in page
    assert "\x1b" not in page


def test_the_report_is_small() -> None:
    assert len(html_report(RUN)) < 400_000
    assert RESULT.equity.height == 240 + 1
    assert RESULT.equity["time"][-1] == START + 240 * HOUR
