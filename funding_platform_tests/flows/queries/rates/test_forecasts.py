"""A forecast knows what had been settled and nothing later, and says how wrong it was before."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import linear_regression

import duckdb
import polars as pl
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.flows.queries import forecast_rate
from funding_platform.flows.queries.rates.forecasts import FORECAST, LEAST_LEARNT

NOW = datetime(2025, 3, 1, tzinfo=UTC)
HOURS = 8.0


def settling(rates: Sequence[float]) -> duckdb.DuckDBPyConnection:
    """A lake in which an instrument settled rates every eight hours, the last of them now."""
    rows = [
        {
            "venue": "okx",
            "venue_symbol": "BTC",
            "funding_time": NOW - number * timedelta(hours=HOURS),
            "funding_rate": rate,
            "interval_hours": HOURS,
        }
        for number, rate in enumerate(reversed(rates), 1)
    ]
    frame = pl.concat([FUNDING_RATES.empty(), pl.DataFrame(rows)], how="diagonal_relaxed")
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA core")
    connection.register("given", frame)
    connection.execute(f"CREATE TABLE {FUNDING_RATES.full_name} AS FROM given")
    return connection


def told(rates: Sequence[float]) -> dict[str, object]:
    with settling(rates) as lake:
        return forecast_rate(lake, "okx", "BTC", NOW).row(0, named=True)


def wandering(seed: int, share: float, number: int = 240) -> list[float]:
    draw, rates = random.Random(seed), [1e-4]
    for _ in range(number - 1):
        rates.append(1e-4 + share * (rates[-1] - 1e-4) + draw.gauss(0, 1e-5))
    return rates


def test_it_is_the_line_through_all_steps_before() -> None:
    rates = wandering(1, 0.5)
    found = told(rates)
    slope, intercept = linear_regression(rates[:-1], rates[1:])
    assert found["persistence"] == pytest.approx(slope)
    assert found["rate_8h"] == pytest.approx(intercept + slope * rates[-1])
    assert found["made_from"] == NOW - timedelta(hours=HOURS)
    assert found["settlements"] == 90


def test_its_error_is_one_that_somebody_would_have_met() -> None:
    """What came later may not make an earlier forecast any better."""
    rates = wandering(2, 0.5)
    errors, naive = [], []
    for number in range(len(rates) - 90, len(rates)):
        known = rates[:number]
        slope, intercept = linear_regression(known[:-1], known[1:])
        errors.append(abs(intercept + slope * known[-1] - rates[number]))
        naive.append(abs(known[-1] - rates[number]))
    found = told(rates)
    assert found["mean_absolute_error_bps"] == pytest.approx(1e4 * sum(errors) / 90)
    assert found["naive_mean_absolute_error_bps"] == pytest.approx(1e4 * sum(naive) / 90)
    assert sum(errors) < sum(naive)


@pytest.mark.parametrize("rate", [0.0, 1e-4, -3e-3])
def test_what_never_moves_is_forecast_as_it_is(rate: float) -> None:
    found = told([rate] * 100)
    assert (found["rate_8h"], found["persistence"]) == (pytest.approx(rate), 0.0)
    assert found["mean_absolute_error_bps"] == pytest.approx(0.0, abs=1e-9)


def test_what_runs_away_is_not_run_after() -> None:
    """A share above one would go beyond all that was ever settled."""
    found = told([1e-6 * 1.1**number for number in range(100)])
    assert found["persistence"] == 1.0
    back_and_forth = told([1e-4 * (-1) ** number for number in range(100)])
    assert back_and_forth["persistence"] == 0.0


def test_of_few_settlements_nothing_is_made_up() -> None:
    schema = {column.name for column in FORECAST}
    for number in (0, 1, LEAST_LEARNT):
        with settling([1e-4] * max(number, 1)) as lake:
            found = forecast_rate(lake, "okx", "BTC" if number else "OTHER", NOW)
        assert found.is_empty()
        assert set(found.columns) == schema
    assert told([1e-4] * (LEAST_LEARNT + 1))["settlements"] == 0
    assert told([1e-4] * (LEAST_LEARNT + 1))["mean_absolute_error_bps"] is None
