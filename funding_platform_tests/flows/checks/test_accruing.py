"""A figure that accrues beside the hours that it is the sum of."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES, MARKET_SNAPSHOTS
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import HOUR
from funding_platform.flows.checks.accruing import settled_and_accruing
from funding_platform.flows.checks.rates import at_fault, disagreements
from funding_platform_tests.known import known

DAY = datetime(2026, 3, 10, tzinfo=UTC)
HOURLY = [DAY + k * HOUR for k in range(12)]


def _frame(table: Table, rows: Sequence[tuple[object, ...]], *columns: str) -> pl.DataFrame:
    names = ("venue_symbol", *columns)
    schema = {name: table.polars_schema[name] for name in names}
    return pl.DataFrame(rows, schema=schema, orient="row")


def accruing(rates: Sequence[float | None], figure: float, observed_at: datetime) -> pl.DataFrame:
    """Hourly settlements, where None is one that is missing, beside one figure for eight hours."""
    paid = [
        ("BTC-PERPETUAL", time, rate, 1.0)
        for time, rate in zip(HOURLY, rates, strict=True)
        if rate is not None
    ]
    settled = _frame(FUNDING_RATES, paid, "funding_time", "funding_rate", "interval_hours")
    shown = [("BTC-PERPETUAL", None, figure, 8.0, observed_at)]
    columns = ("next_funding_time", "predicted_rate", "interval_hours", "observed_at")
    predicted = _frame(MARKET_SNAPSHOTS, shown, *columns)
    return disagreements(settled_and_accruing(settled, predicted))


@pytest.mark.parametrize(("factor", "reason"), [(1, None), (100, "hundredfold"), (-1, "sign")])
def test_what_accrues_is_compared_with_the_hours_up_to_it(
    factor: float, reason: str | None
) -> None:
    """Eight hours, half of them at nothing, beside one figure for all eight."""
    rates = [5e-5 * (k % 2) for k in range(12)]
    (pair,) = accruing(rates, factor * 2e-4, HOURLY[-1]).rows(named=True)
    assert pair["rate_8h"] == pytest.approx(2e-4)
    assert (pair["hours"], pair["hours_apart"]) == (8.0, 0.0)
    assert pair["reason"] == reason


def test_an_hour_counts_by_the_part_that_lies_within() -> None:
    """At 11:30 the figure reaches back to 03:30: half of the hour that ended at four is in it."""
    rates: list[float | None] = [0.0] * 12
    rates[4] = 3e-3
    (pair,) = accruing(rates, 1.5e-3, HOURLY[-1] + HOUR / 2).rows(named=True)
    assert pair["rate_8h"] == pytest.approx(1.5e-3 * 8 / 7.5)
    assert pair["tolerance"] == pytest.approx(3e-4)
    assert pair["reason"] is None


@pytest.mark.parametrize("missing", [6, 5, 11])
def test_where_an_hour_is_missing_nothing_is_compared(missing: int) -> None:
    """The eight that are left would not be the figure's."""
    rates: list[float | None] = [1e-4] * 12
    rates[missing] = None
    assert accruing(rates, 8e-4, HOURLY[-1] + HOUR * 0.75).is_empty()


def test_eight_hours_of_a_real_market_add_up(shared_dir: Path) -> None:
    """Deribit's own figure for eight hours beside what its hours paid, year after year."""
    folder = shared_dir / "data" / "funding" / "deribit"
    hourly, rolling = (
        pl.read_csv(folder / f"BTC-PERPETUAL{name}.csv.gz").with_columns(
            pl.from_epoch("funding_time_ms", time_unit="ms")
            .dt.replace_time_zone("UTC")
            .cast(pl.Datetime("us", "UTC"))
            .alias("funding_time"),
            pl.col("interval_hours").cast(pl.Float64),
            pl.lit("BTC-PERPETUAL").alias("venue_symbol"),
        )
        for name in ("", ".interest_8h")
    )
    figures = rolling.select(
        "venue_symbol",
        pl.lit(None, dtype=pl.Datetime("us", "UTC")).alias("next_funding_time"),
        pl.col("funding_rate").alias("predicted_rate"),
        "interval_hours",
        pl.col("funding_time").alias("observed_at"),
    )
    parts = [
        disagreements(settled_and_accruing(settled, month))
        for (start,), month in figures.group_by(pl.col("observed_at").dt.truncate("1mo"))
        for settled in [
            hourly.filter(
                pl.col("funding_time").is_between(start - 9 * HOUR, start + 32 * 24 * HOUR)
            )
        ]
    ]
    compared = pl.concat(parts)
    apart = (compared["rate_8h"] - compared["other_rate_8h"]).abs()
    assert (compared.height, compared["reason"].count()) == (15_994, 47)
    assert known(apart.quantile(0.99)) < 4e-5
    assert at_fault(compared) == []
