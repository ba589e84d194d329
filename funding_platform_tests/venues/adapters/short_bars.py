"""Short histories of bars behind one endpoint of a venue, and what its adapter makes of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from funding_platform.core.time_grid import HOUR, Window, to_ms
from funding_platform.settings import Settings
from funding_platform.venues.parsing.hourly import HourlyHistory
from funding_platform_tests.venues.adapters.recorded_candles import SYMBOLS
from funding_platform_tests.venues.asking import ask
from funding_platform_tests.venues.listings import with_listings
from funding_platform_tests.venues.server import Answer, Params, Router

START = datetime(2026, 10, 5, tzinfo=UTC)
NOW = START + timedelta(hours=10, minutes=20)
TEN = Window(START, START + 10 * HOUR)
HOURS = range(-3, 11)
"""Hours of which there is a bar: some before the window, and the one that still runs."""

Row = dict[str, Any]


def ms(hour: float) -> int:
    return to_ms(START + timedelta(hours=hour))


def hour_of(time_ms: int) -> int:
    return (time_ms - to_ms(START)) // 3_600_000


def bars(
    venue: str,
    path: str,
    handle: Callable[[Params], Any],
    settings: Settings,
    kind: str = "trade",
    symbol: str | None = None,
    window: Window = TEN,
) -> tuple[HourlyHistory, Router]:
    asked = [symbol or SYMBOLS[venue]]
    routes = with_listings(venue, {path: lambda params: Answer(handle(params))})
    answer = ask(venue, routes, settings, NOW, lambda v: v.candle_history(asked, window, kind))
    return answer.found, answer.router


def first(found: HourlyHistory) -> Row:
    assert not found.failures
    assert [(at - START) // HOUR for at in found.frame["open_time"]] == [*range(10)]
    assert found.missing.is_empty()
    return found.frame.row(0, named=True)
