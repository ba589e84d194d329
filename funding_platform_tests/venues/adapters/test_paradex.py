"""Paradex: settlements cut from a continuous accrual, proven against the accrual itself."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as configured
from hypothesis import strategies as st

from funding_platform.core.time_grid import Window, from_ms, to_ms
from funding_platform.settings import Settings
from funding_platform.venues.adapters.paradex.rest import SAMPLES
from funding_platform.venues.errors import (
    ContractError,
    RateLimitedError,
    UnknownSymbolError,
    VenueError,
)
from funding_platform.venues.parsing.accrual import Sample
from funding_platform_tests.venues.adapters.paradex_accrual import (
    BTC,
    DATA,
    FIRST_MS,
    HOUR_MS,
    MARKETS,
    NOW,
    START,
    START_MS,
    SUMMARY,
    Accrual,
    hourly,
    market,
    read,
    results,
    summary,
)
from funding_platform_tests.venues.adapters.recorded_cases import (
    Case,
    assert_as_expected,
    body,
    every_case,
)
from funding_platform_tests.venues.asking import (
    Row,
    ask,
    by_symbol,
    history_of,
    instruments,
    snapshot,
)
from funding_platform_tests.venues.server import Answer, Params, Routes


@every_case("paradex")
def test_recorded_answers_hold_the_expected_values(case: Case, settings: Settings) -> None:
    served: Routes = {MARKETS: results(market()), case["path"]: Answer(body(case))}
    what = instruments if case["path"] == MARKETS else snapshot
    found = by_symbol(ask("paradex", served, settings, NOW, what).found)
    for expected in case["expected_normalised"]:
        name = expected["native_symbol"]
        if expected.get("is_perp") is False or "excluded" in expected.get("note", ""):
            assert name not in found
            continue
        assert_as_expected(expected, found[name])
        if case["path"] == MARKETS:
            assert found[name]["interval_hours"] == float(expected["funding_period_hours"])
            assert (found[name]["base"], found[name]["settle"]) == ("BTC", "USDC")
        else:
            assert (found[name]["best_bid"], found[name]["best_ask"]) == (77804.3, 77814.0)
            assert found[name]["next_funding_time"] is None


def test_the_documented_sample_tells_its_price_and_runs_on(shared_dir: Path) -> None:
    file = shared_dir / "venues" / "fixtures" / "paradex" / "docs-funding-data.json"
    [row] = SAMPLES.decode(file.read_bytes())
    assert row.funding_period_hours == 0
    # No period is stated, so eight hours: after as long, one whole premium is paid.
    sample = Sample(row.time_ms, row.index, row.premium, row.rate, 8 * HOUR_MS)
    assert sample.spot == pytest.approx(86_469.0, rel=1e-4)  # BTC on 2025-11-26
    later = sample.index_at(sample.time_ms + 8 * HOUR_MS)
    assert later - sample.index == pytest.approx(sample.premium)


RATES = st.floats(-0.01, 0.01).filter(lambda rate: abs(rate) > 1e-7)


@configured(max_examples=25, deadline=None, suppress_health_check=[*HealthCheck])
@given(
    rates=st.lists(RATES, min_size=1, max_size=30),
    prices=st.lists(st.floats(1e4, 1e5), min_size=1, max_size=30),
    phase_ms=st.integers(0, 29_999),
)
def test_a_settlement_is_what_its_period_paid(
    settings: Settings, rates: list[float], prices: list[float], phase_ms: int
) -> None:
    """``rate * price`` is the accrual between the cuts, wherever the samples happen to lie."""
    venue = Accrual(hourly(rates), hourly(prices), step_ms=30_000, phase_ms=phase_ms)
    frame = read(venue, settings).frame
    assert frame["interval_hours"].to_list() == [8.0] * 6
    for time, rate in frame.select("funding_time", "funding_rate").rows():
        end = to_ms(time)
        price = venue.prices[(venue.last_sample(end) - FIRST_MS) // HOUR_MS]
        paid = venue.index(end) - venue.index(end - 8 * HOUR_MS)
        assert rate * price == pytest.approx(paid, rel=1e-6, abs=1e-7 * price)


def test_at_a_steady_price_a_settlement_is_the_mean_rate_of_its_period(settings: Settings) -> None:
    rates = [1e-5 * hour for hour in range(1, 73)]
    frame = read(Accrual(rates, [60_000.0] * 72), settings).frame
    means = [sum(rates[first : first + 8]) / 8 for first in range(8, 56, 8)]
    assert frame["funding_rate"].to_list() == pytest.approx(means, rel=1e-9)
    assert [time.hour for time in frame["funding_time"]] == [0, 8, 16] * 2
    assert not frame["interval_inferred"].any()


@pytest.mark.parametrize("step_ms", [1_000, 5_000, 30_000])
def test_more_samples_do_not_pay_more(settings: Settings, step_ms: int) -> None:
    venue = Accrual([3e-4] * 72, [60_000.0] * 72, step_ms=step_ms)
    assert read(venue, settings).frame["funding_rate"].to_list() == pytest.approx([3e-4] * 6)


def test_a_market_of_another_period_settles_by_it(settings: Settings) -> None:
    venue = Accrual([2e-4] * 72, [5.0] * 72, period_hours=4, stated_hours=4)
    history = read(venue, settings, market(funding_period_hours=4))
    assert history.frame.height == 12
    assert set(history.frame["interval_hours"]) == {4.0}
    assert history.frame["funding_rate"].to_list() == pytest.approx([2e-4] * 12)


def test_samples_from_before_the_period_was_stated_are_of_eight_hours(settings: Settings) -> None:
    venue = Accrual([2e-4] * 72, [5.0] * 72, stated_hours=0, step_ms=30_000, phase_ms=100)
    assert read(venue, settings).frame["funding_rate"].to_list() == pytest.approx([2e-4] * 6)


def test_where_samples_are_missing_no_rate_is_made_up(settings: Settings) -> None:
    """The cut at 16:00 has no sample, so neither of the periods beside it has a rate."""
    history = read(Accrual([1e-4] * 72, [5.0] * 72, dark=frozenset({31})), settings)
    assert [time.hour for time in history.frame["funding_time"]] == [0, 8, 8, 16]
    assert history.coverage[BTC].missing == 2


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([0.0] * 72, 0.0),
        ([8e-4, *[0.0] * 7] * 9, None),
        ([*[0.0] * 7, 8e-4] * 9, 1e-4),
    ],
)
def test_a_rate_of_zero_does_not_tell_the_price(
    settings: Settings, rates: list[float], expected: float | None
) -> None:
    """Only nothing is nothing at any price; what was paid takes a price to be a fraction."""
    found = read(Accrual(rates, [5.0] * 72), settings).frame["funding_rate"].to_list()
    assert found == ([] if expected is None else [pytest.approx(expected)] * 6)


def test_only_cuts_while_the_market_is_open_are_asked_for(settings: Settings) -> None:
    opened = START + timedelta(hours=9)
    venue = Accrual([1e-4] * 72, [5.0] * 72)
    served: Routes = {MARKETS: results(market(open_at=to_ms(opened))), DATA: venue.answer}
    window = Window(START - timedelta(days=30), START + timedelta(days=30))
    now = START + timedelta(days=1, hours=1)
    asked = ask("paradex", served, settings, now, history_of(BTC, window))
    cuts = [int(r.params["end_at"]) for r in asked.router.requests if r.path == DATA]
    assert [from_ms(cut) for cut in cuts] == [START + timedelta(hours=h) for h in (8, 16, 24)]
    assert asked.found.frame.height == 2


SAMPLE: Row = Accrual([1e-4] * 72, [5.0] * 72).sample(START_MS)


@pytest.mark.parametrize(
    "changes",
    [
        {"market": "ETH-USD-PERP"},
        {"created_at": START_MS // 1000},
        {"created_at": START_MS + 1},
        {"funding_premium": "-0.0005"},
        {"funding_index": "NaN"},
        {"funding_index": None},
        {"funding_rate": ""},
    ],
    ids=str,
)
def test_a_sample_that_makes_no_sense_costs_its_settlements(
    settings: Settings, changes: Row
) -> None:
    def answer(params: Params) -> Answer:
        made = {**SAMPLE, "created_at": int(params["end_at"])}
        return results({**made, **(changes if made["created_at"] == START_MS else {})})

    served: Routes = {MARKETS: results(market()), DATA: answer}
    window = Window(START, START + timedelta(days=1))
    history = ask("paradex", served, settings, NOW, history_of(BTC, window)).found
    assert history.failures == {}
    assert history.frame["funding_time"].to_list() == [from_ms(START_MS + 16 * 3_600_000)]
    assert not history.coverage[BTC].proven
    assert BTC in str(history.left_out[0])


def test_samples_of_another_sign_are_a_changed_contract(settings: Settings) -> None:
    def answer(params: Params) -> Answer:
        changed = {"created_at": int(params["end_at"]), "funding_premium": "-0.0005"}
        return results({**SAMPLE, **changed})

    served: Routes = {MARKETS: results(market()), DATA: answer}
    window = Window(START, START + timedelta(days=1))
    history = ask("paradex", served, settings, NOW, history_of(BTC, window)).found
    assert isinstance(history.failures[BTC], ContractError)


def test_a_snapshot_without_the_markets_lacks_the_period_only(settings: Settings) -> None:
    served: Routes = {MARKETS: Answer(b"", 500), SUMMARY: results(summary(), summary("BTC-USD"))}
    found, warnings, _ = ask("paradex", served, settings, NOW, snapshot)
    [row] = found.to_dicts()
    assert (row["predicted_rate"], row["interval_hours"], row["mark_price"]) == (1e-4, None, None)
    assert len(warnings) == 1


def test_a_rate_is_quoted_over_the_markets_own_period(settings: Settings) -> None:
    markets = results(market(), market("X-USD-PERP", funding_period_hours=4))
    served: Routes = {MARKETS: markets, SUMMARY: results(summary(), summary("X-USD-PERP"))}
    found = by_symbol(ask("paradex", served, settings, NOW, snapshot).found)
    assert {name: row["interval_hours"] for name, row in found.items()} == {
        BTC: 8.0,
        "X-USD-PERP": 4.0,
    }


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NOT_FOUND", UnknownSymbolError),
        (429, "RATE_LIMIT_EXCEEDED", RateLimitedError),
        (400, "RATE_LIMIT_EXCEEDED", RateLimitedError),
    ],
)
def test_errors_by_their_code(
    settings: Settings, status: int, code: str, kind: type[VenueError]
) -> None:
    answer = Answer({"error": code, "message": "no"}, status)
    with pytest.raises(kind):
        ask("paradex", {MARKETS: answer}, settings, NOW, instruments)
