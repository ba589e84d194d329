"""The UI as people see it: what is opened, started and read there, over sandbox venues.

The daemon collects and transforms by itself meanwhile, as it does for people. With
``make test-browser SCREENSHOTS=1`` each page leaves a picture in ``docs/screenshots``.
"""

from datetime import UTC, datetime, timedelta

import pytest

from funding_platform.core.time_grid import month_start
from funding_platform.defs.partitions import MONTH_KEY
from funding_platform_tests.browser.ui import Ui

pytestmark = pytest.mark.browser

RATES = "raw/okx/funding_rates"
CURVES = "features/curve_snapshots"
COVERAGE = "marts/coverage"


@pytest.fixture(scope="module")
def month(ui: Ui) -> str:
    """Last month, which nobody but this test asks for: its rates are materialised by hand."""
    last = month_start(month_start(datetime.now(UTC)) - timedelta(days=1))
    partition = f"{last:{MONTH_KEY}}"
    ui.launch(RATES, partition)
    ui.await_green(RATES, partition)
    return partition


def test_the_graph_has_all_stages(ui: Ui) -> None:
    ui.open("asset-groups")
    stages = ["raw", "core", "staging", "intermediate", "features", "marts", "published"]
    ui.see("Materialize all", *stages, "backtest", "notebooks")
    ui.shoot("graph")
    ui.widen()


def test_a_partition_that_was_launched_turns_green_and_says_what_came(ui: Ui, month: str) -> None:
    ui.see("dagster/row_count", "first_time", "last_time", "coverage", "symbols")
    ui.shoot("partitions")


def test_an_asset_says_what_it_is(ui: Ui, month: str) -> None:
    ui.open_asset(RATES)
    ui.see("OKX: Settled funding rates", "Settlement instant", "funding-data", "Freshness policy")
    ui.see("Row count", "history_okx")
    ui.shoot("asset")


def test_its_rows_and_its_picture_are_a_click_away(ui: Ui, month: str) -> None:
    ui.open_asset(RATES, "events")
    ui.see("coverage")
    rows = ui.show("preview")
    rows.get_by_role("cell", name="okx", exact=True).first.wait_for()
    ui.shoot("preview")
    ui.close(rows)
    picture = ui.show("rates")
    assert_drawn(ui, picture_of="rates")
    ui.shoot("rates")
    ui.close(picture)


def test_curves_of_the_month_are_drawn(ui: Ui, month: str) -> None:
    ui.launch(CURVES, month)
    ui.await_green(CURVES, month)
    ui.open_asset(CURVES, "events")
    ui.see("rows_per_second")
    picture = ui.show("curves")
    assert_drawn(ui, picture_of="curves")
    ui.shoot("curves")
    ui.close(picture)


def test_the_hour_is_collected_and_transformed_without_a_hand(ui: Ui, month: str) -> None:
    drawn = ui.page.get_by_text("coverage_by_month", exact=True)
    ui.await_on(f"assets/{COVERAGE}?view=events", drawn)
    picture = ui.show("coverage_by_month")
    assert_drawn(ui, picture_of="coverage_by_month")
    ui.shoot("coverage")
    ui.close(picture)
    ui.open("runs")
    ui.see("collect_hourly", "transform")
    ui.shoot("runs")


def test_checks_have_passed_and_say_why(ui: Ui, month: str) -> None:
    ui.await_green(RATES, f"{month_start(datetime.now(UTC)):{MONTH_KEY}}")  # as sensors have it
    ui.open_asset(RATES, "checks")
    ui.see("Passed", "complete", "fresh", "unique_key", "Every symbol was read to the end")
    ui.shoot("checks")


def assert_drawn(ui: Ui, *, picture_of: str) -> None:
    """The dialog has a picture that the browser could draw."""
    image = ui.page.get_by_role("dialog").locator("img").first
    image.wait_for()
    assert image.get_attribute("alt") == picture_of
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
