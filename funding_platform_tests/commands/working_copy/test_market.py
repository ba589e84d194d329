"""What commands tell of the market in the lake of the demo."""

import json

import pytest
from polars.testing import assert_frame_equal

from funding_platform.arbitrage import OpportunityFilter, find_opportunities
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.marts.reasons import TIERS
from funding_platform.lake import connect
from funding_platform.venues.registry import offering, venue_names
from funding_platform_tests.checkout import MONTHS, SYMBOLS, Checkout
from funding_platform_tests.command import Funding, explained, stored

pytestmark = pytest.mark.world


def test_coverage_counts_what_the_lake_holds(funding: Funding, checkout: Checkout) -> None:
    report = json.loads(funding("coverage", "--format", "json").output)
    assert {(row["venue"], row["instruments"]) for row in report} == {
        (venue, SYMBOLS) for venue in offering(FUNDING_RATES, venue_names())
    }
    (total,) = stored(checkout.settings, "SELECT count(*) FROM core.funding_rates")[0]
    assert sum(row["present"] for row in report) <= int(str(total))
    assert len({row["month"] for row in report}) == MONTHS


def test_coverage_of_one_venue(funding: Funding) -> None:
    report = json.loads(funding("coverage", "--venue", "okx", "--format", "json").output)
    assert {row["venue"] for row in report} == {"okx"}


def test_opportunities_pass_their_bounds(funding: Funding) -> None:
    ranked = ["opportunities", "--sort", "net_apr", "--limit", "100000", "--json"]
    everything = json.loads(funding(*ranked).stdout)
    rates = [row["net_apr"] for row in everything if row["net_apr"] is not None]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0 < rates[0], "the bound below must have something to cut off"
    paying = json.loads(funding(*ranked, "--min-net-apr", "0").stdout)
    known = [row for row in everything if row["net_apr"] is not None]
    assert paying == [row for row in known if row["net_apr"] >= 0]


def test_opportunities_on_chosen_venues(funding: Funding) -> None:
    chosen = ["--base", "BTC", "--base", "ETH", "--exclude-venue", "okx", "--limit", "1000"]
    tiers = [option for tier in TIERS for option in ("--tier", tier)]
    found = json.loads(funding("opportunities", *chosen, *tiers, "--format", "json").stdout)
    assert {row["base"] for row in found} == {"BTC", "ETH"}
    assert "okx" not in {row[leg] for row in found for leg in ("long_venue", "short_venue")}


def test_two_venues_are_compared(funding: Funding) -> None:
    compared = json.loads(funding("opportunities", "compare", "lighter", "edgex", "--json").stdout)
    assert len(compared) == SYMBOLS
    for row in compared:
        assert row["difference_8h"] == pytest.approx(row["second_rate_8h"] - row["first_rate_8h"])
        assert (row["long_venue"] == "lighter") == (row["difference_8h"] >= 0)


def test_opportunities_priced_as_they_are_built_are_the_same(checkout: Checkout) -> None:
    with connect(checkout.settings) as lake:
        stored_rows, anew = (
            find_opportunities(OpportunityFilter(size_usd=size, limit=100_000), lake)
            for size in (None, 10_000)
        )
    assert stored_rows.height > 0
    assert_frame_equal(anew, stored_rows)


def test_curves_draws_one_line_per_venue(funding: Funding) -> None:
    result = funding("curves", "BTC")
    assert result.exit_code == 0
    for venue in offering(FUNDING_RATES, venue_names()):
        assert f"{venue} " in result.output
    assert "BTC funding, annualised" in result.output


def test_curves_of_an_unknown_base(funding: Funding) -> None:
    assert "there is no usable curve of NOPE" in explained(funding("curves", "NOPE"))


def test_venues_shows_where_each_is_asked(
    funding: Funding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_VENUE_URLS", '{"okx": "http://127.0.0.1:1/okx"}')
    result = funding("venues")
    assert "http://127.0.0.1:1/okx" in result.output
    assert all(name in result.output for name in venue_names())


@pytest.mark.parametrize(
    "arguments",
    [
        ["collect", "mtgox"],
        ["backfill", "mtgox", "--from", "2026-01"],
        ["coverage", "--venue", "mtgox"],
        ["curves", "BTC", "--venue", "mtgox"],
        ["opportunities", "--venue", "mtgox"],
        ["opportunities", "--exclude-venue", "mtgox"],
    ],
    ids=" ".join,
)
def test_an_unknown_venue_is_an_error_not_an_empty_answer(
    funding: Funding, arguments: list[str]
) -> None:
    message = explained(funding(*arguments))
    assert "there is no venue 'mtgox'" in message
    assert f"registered are: {', '.join(venue_names())}" in message
