"""Two legs of one base, and what became of each in a run."""

from typing import Any

from funding_platform.backtest.results.result import BacktestResult
from funding_platform_tests.backtest.markets import HOUR, START

A, B = ("a", "BTC-PERP"), ("b", "BTC-PERP")
PAIR = {0.0: (A, B)}  # long a, short b, from the start


def flat_prices(venue: str, hours: int, price: float = 100.0) -> list[tuple[str, float, float]]:
    return [(venue, float(hour), price) for hour in range(hours + 1)]


def leg(result: BacktestResult, venue: str) -> dict[str, Any]:
    return result.trades.filter(venue=venue).row(0, named=True)


def settled(result: BacktestResult, venue: str) -> list[tuple[Any, ...]]:
    """Hours after the start and amounts of a venue's settlements."""
    number = leg(result, venue)["trade_id"]
    rows = result.ledger.filter(kind="settlement", trade_id=number)
    return [
        ((row["time"] - START) / HOUR, row["funding_usd"]) for row in rows.iter_rows(named=True)
    ]
