"""Short histories of bars in Binance's shape, behind its endpoint on a real socket."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from funding_platform.core.time_grid import Window, to_ms
from funding_platform.settings import Settings
from funding_platform.venues.contract import Venue
from funding_platform_tests.venues.asking import ask
from funding_platform_tests.venues.server import Answer, Params, Route

START = datetime(2026, 10, 5, tzinfo=UTC)
NOW = START + timedelta(hours=10, minutes=20)
DAY = Window(START, START + timedelta(days=1))
TEN_HOURS = range(10)
SYMBOL = "BTCUSDT"

Bar = list[Any]


def kline(hour: float, opened: str = "2", high: str = "3", low: str = "1", close: str = "2") -> Bar:
    at = to_ms(START + timedelta(hours=hour))
    return [at, opened, high, low, close, "5", at + 3_599_999, "10", 7, "1", "2", "0"]


def klines(bars: Sequence[Bar]) -> Callable[[Params], Answer]:
    """Binance's own paging over these bars."""

    def handle(params: Params) -> Answer:
        first, last = int(params["startTime"]), int(params["endTime"])
        found = [bar for bar in bars if first <= bar[0] <= last]
        return Answer(found[: int(params["limit"])])

    return handle


def read(
    venue: str,
    routes: dict[str, Route],
    settings: Settings,
    what: Callable[[Venue], Awaitable[Any]],
    now: datetime = NOW,
) -> Any:
    return ask(venue, routes, settings, now, what).found
