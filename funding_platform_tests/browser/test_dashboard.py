"""The dashboard over `funding serve` and a small lake: pages, live updates, links, outages."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from funding_platform.service.access.keys import create_key, parse_rate
from funding_platform.telemetry.alerts.observing import Evaluation, Observation
from funding_platform.telemetry.alerts.rules import STALE, VENUE_DOWN
from funding_platform.telemetry.alerts.store import AlertStore
from funding_platform_tests.browser.desk import Desk, Serving, desk_of
from funding_platform_tests.service import lake
from funding_platform_tests.service.server import hand_out

pytestmark = pytest.mark.browser

TIMES, MINUS = "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}"

PAIR = "/pair?base=PEPE&long=binance:PEPE&short=okx:PEPE"
PAGES = {
    "/": f"5 bases {TIMES} 8 venues",
    "/opportunities": "What stands against it",
    PAIR: "Costs and what they leave",
    "/curves": "Funding term structure of BTC",
    "/history": "How it was distributed",
    "/venues": "Venue health",
    "/backtests": "every cost charged",
    "/trading": "What it earned",
    "/alerts": "No alert is active",
}
"""What stands on each once it has its answers."""


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("desk")
    one = Serving(lake.build(folder), folder)
    one.start()
    yield one
    one.stop()


@pytest.fixture
def desk(chromium: str, serving: Serving) -> Iterator[Desk]:
    """A tab that asked nobody else for anything and had nothing to complain about."""
    with desk_of(chromium, serving.url) as one:
        yield one
        assert [url for url in one.asked if not url.startswith((serving.url, "data:"))] == []
        assert one.complaints == []


@pytest.mark.parametrize("path", PAGES)
def test_each_page_shows_itself_by_its_address_alone(desk: Desk, path: str) -> None:
    desk.open(path)
    desk.see(re.compile(PAGES[path]))
    wide = "document.documentElement.scrollWidth <= innerWidth"
    for width in (390, 1440, 3840):
        desk.page.set_viewport_size({"width": width, "height": 900})
        assert desk.page.evaluate(wide), f"{path} is wider than {width}"


def test_a_lake_that_stands_still_says_so_and_why(desk: Desk) -> None:
    desk.open("/")
    desk.see("Stale", re.compile("No live collector runs"))


def test_the_heat_map_is_read_with_the_keyboard_and_its_view_stands_in_the_address(
    desk: Desk,
) -> None:
    desk.open("/?sort=name")
    desk.page.get_by_test_id("count").get_by_text(f"5 bases {TIMES} 8 venues").wait_for()
    desk.choose("Unit", "APR")
    assert desk.query == {"sort": ["name"], "unit": ["apr"]}
    facts = desk.page.get_by_test_id("facts")
    desk.page.get_by_role("application").focus()
    desk.page.keyboard.press("ArrowDown")
    facts.get_by_text("binance BTC").wait_for()
    facts.get_by_text(f"{MINUS}32.85").wait_for()
    desk.page.keyboard.press("s")
    assert desk.query["sort"] == ["binance"]
    desk.page.keyboard.press("/")
    desk.page.keyboard.type("sol")
    desk.page.get_by_test_id("count").get_by_text(f"1 base {TIMES}").wait_for()


def test_costs_are_reckoned_anew_for_another_size(desk: Desk) -> None:
    desk.open("/opportunities?all=1&base=PEPE&long=binance&short=okx")
    desk.see("1 pair", "actionable")
    (cost,) = desk.column("Cost")
    desk.page.get_by_role("slider").fill("9")
    desk.see("$1M")
    desk.page.get_by_role("cell", name=cost, exact=True).wait_for(state="detached")
    assert desk.query["size"] == ["1000000"]
    assert float(desk.column("Cost")[0]) > float(cost)
    assert desk.column("Tier") != ["actionable"]


def test_filters_and_links_lead_to_the_same_view_again(desk: Desk) -> None:
    desk.open("/opportunities?all=1&base=SOL&horizon=1d&fees=maker")
    desk.see("% in 1d")
    assert set(desk.column("Asset")) == {"SOL"}
    assert desk.page.get_by_role("radio", name="Maker").is_checked()
    desk.page.locator("tbody a").first.click()
    desk.see("Costs and what they leave", "Settled beside predicted")
    assert desk.query["fees"] == ["maker"]
    assert desk.page.get_by_role("radio", name="1 d", exact=True).is_checked()
    desk.page.go_back()
    desk.see("% in 1d")
    assert desk.query["base"] == ["SOL"]


def test_a_filter_that_nothing_passes_says_so(desk: Desk) -> None:
    desk.open("/opportunities?oi=100000000&tier=actionable")
    desk.see("No pair passes these filters.")


def test_what_cannot_be_asked_is_told_in_the_services_words(desk: Desk) -> None:
    desk.open("/curves?base=NOSUCH")
    desk.see(re.compile("NOSUCH"))
    desk.page.locator(".notice").first.wait_for()


def test_reasons_are_told_in_words(desk: Desk) -> None:
    desk.open("/pair?base=ETH&long=binance:ETH-S&short=bybit:ETH-S")
    desk.see("its spread is an assumption")


def test_curves_of_a_past_time_are_asked_for_by_the_minute(desk: Desk) -> None:
    desk.open("/curves?base=BTC&at=2025-03-05T04:00")
    desk.see("as known 2025-03-05 04:00 UTC", "2025-03-05 00:00")
    desk.page.get_by_role("button", name="8 hours earlier").click()
    desk.see("as known 2025-03-04 20:00 UTC", "2025-03-04 16:00")
    assert desk.query["at"] == ["2025-03-04T20:00"]
    desk.page.get_by_role("button", name="Now").click()
    desk.see("2025-03-10 16:00")
    assert "at" not in desk.query
    desk.open("/curves?base=BTC&at=2019-01-01T00:00")
    desk.see("no usable curve of BTC was known at 2019-01-01T00:00Z")


def test_the_books_of_a_pair_are_shown_and_what_was_never_seen_says_so(desk: Desk) -> None:
    desk.open("/pair?base=BTC&long=binance:BTC&short=okx:BTC")
    desk.see("Depth", "beyond it", re.compile("it may be another by now"))
    desk.see(re.compile("the book of okx BTC was never looked at"))


def test_what_a_trader_holds_and_earned_is_shown_with_its_age(desk: Desk) -> None:
    desk.open("/trading")
    desk.see(
        "7.75 USD", re.compile("The trader was last seen"), "maintenance of a venue", "decayed"
    )
    desk.page.get_by_label("open pairs only").check()
    over = desk.page.locator("tr").filter(has_text="closed").filter(has_text="BTC")
    over.wait_for(state="detached")  # the event that ended it stays
    assert desk.query == {"open": ["1"]}
    desk.page.get_by_role("link", name="PEPE").click()
    desk.see("Costs and what they leave")


def test_alerts_are_shown_with_what_was_seen_and_since_when(desk: Desk, serving: Serving) -> None:
    seen = [
        Evaluation(rule.kind, [Observation(subject, 10.0 * rule.raise_at, "seen for a test")])
        for rule, subject in ((VENUE_DOWN, "okx"), (STALE, "core.funding_rates"))
    ]
    with AlertStore(serving.settings.alerts_file) as store:
        store.observe(seen, [], datetime.now(UTC))
    desk.open("/alerts")
    desk.see("2 active", "core.funding_rates", "seen for a test")
    desk.choose("Severity", "Info")
    desk.see("No alert of severity info is active.")
    assert desk.query == {"severity": ["info"]}
    serving.settings.alerts_file.unlink()


def test_a_report_is_shown_as_it_was_drawn(desk: Desk) -> None:
    desk.open("/backtests?run=latest")
    frame = desk.page.frame_locator("iframe")
    frame.get_by_text("Profit and loss since the start").wait_for()


def test_light_and_dark_follow_the_system_until_somebody_says_otherwise(
    chromium: str, serving: Serving
) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with desk_of(chromium, serving.url, dark=True) as desk:
        desk.open("/")
        desk.see("Stale")
        dark = desk.page.evaluate(ground)
        desk.page.keyboard.press("d")
        light = desk.page.evaluate(ground)
        assert (
            sum(map(int, re.findall(r"\d+", light))) > 600 > sum(map(int, re.findall(r"\d+", dark)))
        )
        desk.page.reload()
        desk.see("Stale")
        assert desk.page.evaluate(ground) == light


def test_rates_move_as_the_collector_hands_them_out(desk: Desk, serving: Serving) -> None:
    hand_out(serving.settings, 1e-4)
    desk.open("/?find=BTC")
    desk.see("Live")
    desk.page.get_by_role("application").focus()
    desk.page.keyboard.press("ArrowDown")
    facts = desk.page.get_by_test_id("facts")
    facts.get_by_text("+0.0100").first.wait_for()
    loaded = len([url for url in desk.asked if url.endswith("/")])
    hand_out(serving.settings, 2e-4, version=2)
    facts.get_by_text("+0.0200").first.wait_for()
    assert len([url for url in desk.asked if url.endswith("/")]) == loaded
    assert any("/api/v1/stream" in url for url in desk.asked)


def test_a_service_that_was_away_is_found_again(chromium: str, serving: Serving) -> None:
    with desk_of(chromium, serving.url) as desk:
        hand_out(serving.settings, 1e-4, version=3)
        desk.open("/opportunities?all=1")
        desk.see("Live", "What stands against it")
        serving.stop()
        desk.see("Offline", "this is what it said last")
        assert desk.rows.count() > 0
        serving.start()
        hand_out(serving.settings, 3e-4, version=4, at=datetime.now(UTC))
        desk.see("Live")
        desk.page.get_by_text("Offline").wait_for(state="hidden")
        assert desk.complaints == []


def test_a_public_service_is_asked_with_the_key_that_was_given(
    chromium: str, serving: Serving, tmp_path: Path
) -> None:
    key, _ = create_key(
        serving.settings.service_keys_file, name="desk", scope="read", rate=parse_rate("10/s")
    )
    public = Serving(serving.settings, tmp_path)
    public.start("--public")
    try:
        with desk_of(chromium, public.url) as desk:
            desk.open("/")
            desk.see("This service asks for a key")
            desk.page.get_by_label("Key").fill(key)
            desk.page.get_by_role("button", name="Use it").click()
            desk.page.get_by_test_id("count").get_by_text("venues").wait_for()
            desk.page.get_by_role("link", name="Backtests").click()
            desk.page.get_by_role("link", name="Open").first.wait_for()
            desk.page.reload()
            desk.page.get_by_role("button", name="Sign out").wait_for()
            assert (
                desk.page.evaluate("document.cookie + JSON.stringify({...sessionStorage})") == "{}"
            )
            desk.page.get_by_role("button", name="Sign out").click()
            desk.see("This service asks for a key")
            assert not any(key in url for url in desk.asked)
            assert desk.complaints == []
    finally:
        public.stop()
