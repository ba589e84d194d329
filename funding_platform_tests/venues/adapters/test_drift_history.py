"""The history of Drift: recent rates by pages, older ones from an archive by the day."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from funding_platform.core.time_grid import Window, from_ms, to_ms
from funding_platform.settings import Settings
from funding_platform.venues.adapters.drift.rest import HISTORY
from funding_platform.venues.errors import (
    BannedError,
    ContractError,
    PagingError,
    UnknownSymbolError,
    VenueError,
)
from funding_platform_tests.venues.adapters.drift_answers import (
    HOUR,
    NOW,
    RATES,
    record,
    records,
    window,
)
from funding_platform_tests.venues.asking import Row, ask, history_of
from funding_platform_tests.venues.histories import read_series
from funding_platform_tests.venues.server import Answer, Params, Routes


def test_recent_rates_are_read_page_after_page(settings: Settings) -> None:
    hours = [NOW - HOUR * hour for hour in range(120)]
    pages = {
        "": records(*map(record, hours[:50]), following="a"),
        "a": records(*map(record, hours[50:90]), following=7),
        "7": records(*map(record, hours[90:])),
    }
    served: Routes = {RATES: lambda params: pages[params.get("page", "")]}
    wanted = window(hours[100], hours[10])
    found, _, router = ask("drift", served, settings, NOW, history_of("SOL-PERP", wanted))
    assert found.frame["funding_time"].to_list() == hours[100:9:-1]
    assert set(found.frame["funding_rate"]) == {0.0001}
    assert [request.params.get("page") for request in router.requests[:3]] == [None, "a", "7"]
    assert {request.params["limit"] for request in router.requests} == {"750"}


def test_pages_older_than_the_window_are_left_alone(settings: Settings) -> None:
    page = records(*(record(NOW - HOUR * hour) for hour in range(100)), following="older")
    wanted = window(NOW - 5 * HOUR, NOW)
    _, _, router = ask("drift", {RATES: page}, settings, NOW, history_of("SOL-PERP", wanted))
    assert len(router.requests) == 1


def in_two_pages(rows: list[Row]) -> Callable[[Params], Answer]:
    pages = records(*rows[:20], following=2), records(*rows[20:])
    return lambda params: pages["page" in params]


def test_a_history_from_the_archive_comes_whole_day_by_day(
    shared_dir: Path, settings: Settings
) -> None:
    """Real settlements, minutes late and with hours left out, are kept at their own stamps."""
    series = read_series(shared_dir / "data" / "funding" / "drift" / "SOL-PERP.csv.gz")
    days: dict[str, list[Row]] = {}
    for time_ms, rate in series:
        time = from_ms(time_ms)
        row = record(time, fundingRateLong=rate, oraclePriceTwap="1")
        days.setdefault(f"{RATES}/{time.year}/{time.month}/{time.day}", []).append(row)
    # The archive has no day before the market was listed; it gives some twenty rows at a time.
    served: Routes = {path: in_two_pages(rows[::-1]) for path, rows in days.items()}
    wanted = Window(datetime(2022, 11, 28, tzinfo=UTC), datetime(2023, 2, 1, tzinfo=UTC))
    asked = ask("drift", served, settings, NOW, history_of("SOL-PERP", wanted))
    expected = [(from_ms(t), float(rate)) for t, rate in series if from_ms(t) in wanted]
    assert asked.found.frame.select("venue_time", "funding_rate").rows() == expected
    assert set(asked.found.frame["interval_hours"]) == {1.0}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (records(record(NOW, ts=to_ms(NOW))), ContractError),
        (records(record(NOW, ts=to_ms(NOW) // 10**6)), ContractError),
        (records(record(NOW, symbol="BTC-PERP")), ContractError),
        (records(record(NOW, oraclePriceTwap="0")), ContractError),
        (records(record(NOW, fundingRateLong=None)), ContractError),
        (records(record(NOW, fundingRateLong="NaN")), ContractError),
        (Answer({"success": True}), ContractError),
        (records(record(NOW), following="again"), PagingError),
        (Answer({"message": "Forbidden"}, 403), BannedError),
        (Answer({"message": "Not Found"}, 404), UnknownSymbolError),
    ],
)
def test_a_history_that_makes_no_sense(
    settings: Settings, answer: Answer, kind: type[VenueError]
) -> None:
    wanted = window(NOW - timedelta(days=3), NOW)
    with pytest.raises(kind):
        ask(
            "drift",
            {RATES: answer},
            settings,
            NOW,
            lambda venue: venue.funding_rates(["SOL-PERP"], wanted.start, wanted.end),
        )


def test_both_forms_of_the_history_tell_the_same() -> None:
    rate, price = -0.003095708, 97.4937
    raw = {"ts": "1770195607", "fundingRate": "-3095708", "oraclePriceTwap": "97493700"}
    decimal = record(NOW, fundingRateLong=str(rate), oraclePriceTwap=str(price))
    answers = Answer({"fundingRates": [raw]}), records(decimal)
    found = [HISTORY.decode(answer.content).settlements("SOL-PERP") for answer in answers]
    rates = [row.rate for rows in found for row in rows]
    assert rates == [pytest.approx(rate / price, rel=1e-14)] * 2
