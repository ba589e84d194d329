"""A market of Paradex: an index that accrues without steps, and samples of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from funding_platform.core.time_grid import Window, to_ms
from funding_platform.settings import Settings
from funding_platform.venues.parsing.history import History
from funding_platform_tests.venues.asking import Row, ask, history_of
from funding_platform_tests.venues.server import Answer, Params, Routes

MARKETS, SUMMARY, DATA = "/v1/markets", "/v1/markets/summary", "/v1/funding/data"
BTC = "BTC-USD-PERP"
START = datetime(2026, 3, 1, tzinfo=UTC)
START_MS = to_ms(START)
NOW = START + timedelta(days=20)
HOUR_MS = 3_600_000
FIRST_MS = START_MS - 16 * HOUR_MS


def results(*rows: Row) -> Answer:
    return Answer({"results": list(rows)})


def market(symbol: str = BTC, **changes: object) -> Row:
    base = symbol.split("-")[0]
    return {
        "symbol": symbol, "asset_kind": "PERP", "base_currency": base, "quote_currency": "USD",
        "settlement_currency": "USDC", "funding_period_hours": 8, "open_at": 0,
    } | changes  # fmt: skip


def summary(symbol: str = BTC, **changes: object) -> Row:
    empty = ("mark_price", "underlying_price", "open_interest", "volume_24h", "bid", "ask")
    return {"symbol": symbol, "funding_rate": "0.0001", **dict.fromkeys(empty, "")} | changes


@dataclass
class Accrual:
    """The venue itself: a rate and a spot price for every hour, and the index that they give.

    Samples are taken every ``step_ms``, the first of them ``phase_ms`` after a full hour; none in
    the hours that are ``dark``.
    """

    rates: Sequence[float]
    prices: Sequence[float]
    period_hours: int = 8
    stated_hours: int = 8
    step_ms: int = 5_000
    phase_ms: int = 1_234
    dark: frozenset[int] = frozenset()

    def index(self, time_ms: int) -> float:
        """The integral of the premium: one period pays rate * price."""
        hours = (time_ms - FIRST_MS) / HOUR_MS
        return sum(
            rate * price * min(max(hours - hour, 0), 1) / self.period_hours
            for hour, (rate, price) in enumerate(zip(self.rates, self.prices, strict=True))
        )

    def last_sample(self, until_ms: int) -> int:
        """When the last sample was taken, up to a moment."""
        return until_ms - (until_ms - self.phase_ms) % self.step_ms

    def sample(self, time_ms: int) -> Row:
        hour = (time_ms - FIRST_MS) // HOUR_MS
        rate, price = self.rates[hour], self.prices[hour]
        return {
            "market": BTC,
            "funding_index": repr(20_000 + self.index(time_ms)),
            "funding_premium": repr(rate * price),
            "funding_rate": repr(rate),
            "funding_rate_8h": "",
            "funding_period_hours": self.stated_hours,
            "created_at": time_ms,
        }

    def answer(self, params: Params) -> Answer:
        low, high = int(params["start_at"]), int(params["end_at"])
        first = low + (self.phase_ms - low) % self.step_ms
        times = [
            time
            for time in range(first, high + 1, self.step_ms)
            if 0 <= (hour := (time - FIRST_MS) // HOUR_MS) < len(self.rates)
            and hour not in self.dark
        ]
        return results(*map(self.sample, times[::-1]))


def read(
    venue: Accrual, settings: Settings, listed: Row | None = None, *, days: int = 2
) -> History:
    served: Routes = {MARKETS: results(listed or market()), DATA: venue.answer}
    window = Window(START, START + timedelta(days=days))
    found: History = ask("paradex", served, settings, NOW, history_of(BTC, window)).found
    return found


def hourly(seed: Sequence[float]) -> list[float]:
    """Three days of hours, from a few values."""
    return [seed[hour % len(seed)] for hour in range(72)]
