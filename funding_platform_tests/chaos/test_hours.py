"""Hours with outages, and a clock that is wrong: what could be had is had, nothing wrong is stored.

The venues' clock is the test's own where it is moved, and the real one where ours is wrong.
"""

import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import stamina
import time_machine
from time_machine import Traveller

from funding_platform.core.time_grid import HOUR, Window, floor_hour, month_start
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.collection.snapshots import collect_instruments, collect_snapshots
from funding_platform.flows.errors import ClockError
from funding_platform.lake.errors import ClockJumpedError
from funding_platform.lake.publish import publish
from funding_platform.lake.upkeep.maintenance import maintain
from funding_platform.sandbox.faults import Status
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform.venues.registry import breaker_record
from funding_platform_tests.chaos.conftest import SYMBOLS
from funding_platform_tests.chaos.hours import LOOKS, Collector
from funding_platform_tests.chaos.invariants import Acknowledged, broken
from funding_platform_tests.chaos.report import SEED, conclude
from funding_platform_tests.chaos.shell import PATIENCE, VENUES
from funding_platform_tests.present import PRESENT

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(0)]

FIRST = floor_hour(PRESENT)
DAY, YEAR = timedelta(days=1), timedelta(days=365)
OKX = "okx"
UP = 0.4
"""Share of the instants at which the flapping venue answers."""


@pytest.fixture(autouse=True)
def _no_waiting_between_retries() -> Iterator[None]:
    with stamina.set_testing(True, attempts=5, cap=True):
        yield


@pytest.fixture
def clock() -> Iterator[Traveller]:
    with time_machine.travel(FIRST) as one:
        yield one


@pytest.fixture
def venues_of_then(clock: Traveller) -> Iterator[RunningSandbox]:
    """Venues in this process, whose clock is moved with ours."""
    with running_sandbox(build_market(symbols=SYMBOLS)) as running:
        yield running


def settings_for(sandbox: RunningSandbox, folder: Path) -> Settings:
    return Settings(
        data_dir=folder / "data",
        venue_urls=sandbox.venue_urls,
        rate_limit_scale=1e6,
        **PATIENCE,
    )


def hours_not_as(expected: set[datetime], collector: Collector, venue: str) -> list[str]:
    """Hours that a venue has and should not have, or the other way round, or by halves."""
    found = collector.stored(venue)
    faults = [f"{venue} lacks {hour:%d %H:00}" for hour in sorted(expected - found.keys())]
    faults += [f"{venue} has {hour:%d %H:00}" for hour in sorted(found.keys() - expected)]
    return faults + [
        f"{venue} has {rows} rows of {hour:%d %H:00}"
        for hour, rows in found.items()
        if rows != SYMBOLS
    ]


def test_all_venues_down_across_the_hour(
    clock: Traveller, venues_of_then: RunningSandbox, tmp_path: Path
) -> None:
    """A short outage costs no hour; one that leaves no chance costs the hours that it covers."""
    outages = (
        Window(FIRST + timedelta(minutes=50), FIRST + HOUR + timedelta(minutes=10)),
        Window(FIRST + timedelta(hours=1, minutes=50), FIRST + timedelta(hours=3, minutes=20)),
    )

    def scene(moment: datetime) -> None:
        venues_of_then.clear()
        if any(outage.start <= moment < outage.end for outage in outages):
            venues_of_then.inject(Status(status=503))

    collector = Collector(settings_for(venues_of_then, tmp_path), VENUES, clock, scene)
    collector.collect(FIRST, 5)
    lost = FIRST + 2 * HOUR
    expected = {FIRST + number * HOUR for number in range(5)} - {lost}
    faults = [one for venue in VENUES for one in hours_not_as(expected, collector, venue)]
    for venue in VENUES:
        tries = [entry for entry in collector.logged(venue) if floor_hour(entry[0]) == lost]
        if [status for _, status, *_ in tries] != ["failed"] * len(LOOKS):
            faults.append(f"{venue}: the log tells of the lost hour {tries}")
        if (last := breaker_record(venue, collector.settings)).failures:
            faults.append(f"{venue} answers, and counts as failing: {last}")
    faults += broken(collector.settings, Acknowledged.of(collector.settings))
    note = "down for 20 min: no hour lost; for 90 min: the one hour that had no chance left"
    conclude("all venues down across the hour", faults, note)


def test_a_venue_that_flaps_for_a_day(
    clock: Traveller, venues_of_then: RunningSandbox, tmp_path: Path
) -> None:
    def is_up(moment: datetime) -> bool:
        return random.Random(f"{SEED} {moment}").random() < UP

    def scene(moment: datetime) -> None:
        venues_of_then.clear()
        if not is_up(moment):
            venues_of_then.inject(Status(status=503, venue=OKX))

    collector = Collector(settings_for(venues_of_then, tmp_path), VENUES, clock, scene)
    collector.collect(FIRST, 24)
    hours = [FIRST + number * HOUR for number in range(24)]
    given = {hour for hour in hours if any(is_up(hour + after) for after in LOOKS)}
    faults = hours_not_as(given, collector, OKX)
    for venue in VENUES:
        logged = collector.logged(venue)
        if venue == OKX:
            states = {state for *_, state in logged}
            faults += [f"its breaker was {one}" for one in states - {"closed", "open"}]
            continue
        faults += hours_not_as(set(hours), collector, venue)
        if {(status, state) for _, status, _, state in logged} != {("success", "closed")}:
            faults.append(f"{venue} suffers with it: {logged}")
    answered = [entry for entry in collector.logged(OKX) if is_up(_look_at(entry[0]))]
    faults += [f"it answered and was not heard: {one}" for one in answered if one[1] == "failed"]
    faults += broken(collector.settings, Acknowledged.of(collector.settings))
    partial = sum(status == "partial" for _, status, *_ in answered)
    note = (
        f"it has the {len(given)} hours of 24 in which it answered once, {partial} of them in part "
        "(while the breaker let one call through); the others have all"
    )
    conclude("a venue that flaps for a day", faults, note)


def _look_at(began: datetime) -> datetime:
    """The instant that venues were to be asked at, of an attempt that began soon after."""
    hour = floor_hour(began)
    return max(hour + after for after in LOOKS if hour + after <= began)


@pytest.mark.parametrize("off", [DAY, -DAY, YEAR, -YEAR], ids=["day", "-day", "year", "-year"])
def test_a_clock_that_is_wrong(off: timedelta, sandbox: RunningSandbox, tmp_path: Path) -> None:
    settings = settings_for(sandbox, tmp_path)
    collect_all(settings)
    stored = Acknowledged.of(settings)
    faults = list[str]()
    with time_machine.travel(datetime.now(UTC) + off):
        sandbox.inject(Status(status=503, venue=OKX))
        errors = [error for _ in range(5) for error in collect_all(settings)]
        faults += [f"not refused for the clock: {one}" for one in errors if not _by_clock(one)]
        month = Window.of_month(month_start(datetime.now(UTC)))
        with pytest.raises(ClockError):
            collect_history("hyperliquid", month, settings, "run")
        publish(settings)
        with suppress(ClockJumpedError):  # a year ahead is refused in words
            maintain(settings, keep_days=0)
    sandbox.clear()
    after = Acknowledged.of(settings)
    if after.rows["core.market_snapshots"] != stored.rows["core.market_snapshots"]:
        faults.append("market snapshots were stored under a wrong clock, or are lost")
    faults += broken(settings, stored)
    faults += [f"does not heal: {error!r}" for error in collect_all(settings) if error]
    faults += broken(settings, after)
    days = off // DAY
    note = "nothing stored, nothing dropped; set right, the next collection succeeded at once"
    conclude(f"clock off by {days:+} day{'s' * (abs(days) != 1)}", faults, note)


def collect_all(settings: Settings) -> list[Exception | None]:
    """Ask for instruments and markets; returns why each venue gave nothing."""
    return [
        one.attempt.error
        for collect in (collect_instruments, collect_snapshots)
        for one in collect(VENUES, settings, "run").values()
    ]


def _by_clock(error: Exception | None) -> bool:
    return isinstance(error, ClockError)
