"""A plain forecast of the rate that an instrument settles next, and how near it would have come.

Nothing of it is stored: it is made of the settlements that are, when it is asked for. Each of its
past forecasts knew only what had been settled before, so that its error is one that somebody who
had gone by it would have met. Beside it stands that of no model at all: the last rate once more.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

import duckdb
import polars as pl

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.columns import INSTRUMENT_KEY, PER_8H, real_column, time_column
from funding_platform.core.tables.schema import Column, Type, schema_of
from funding_platform.flows.queries.rates.history import settled_rates

LEARNT_FROM: Final = timedelta(days=90)
MEASURED_OVER: Final = timedelta(days=30)

LEAST_LEARNT: Final = 30
"""Steps from one settlement to the next, before which nothing is forecast."""

_STEADY: Final = 1e-18
"""A variance of rates below which none is told: a hundred-thousandth of a basis point, squared."""

_BPS_8H: Final = "basis points of notional per 8 hours"

FORECAST: Final = (
    *(FUNDING_RATES.column(name) for name in INSTRUMENT_KEY),
    Column(
        "method",
        Type.TEXT,
        "ar1: the mean of 90 days, and the share of the last distance from it that usually stays.",
        nullable=False,
        values=("ar1",),
    ),
    real_column("rate_8h", "What is forecast for the next settlement.", PER_8H),
    real_column("persistence", "That share, 0 to 1."),
    time_column("made_from", "The newest settlement that it knows.", nullable=False),
    Column(
        "settlements", Type.INTEGER, "Those of 30 days that it was held against.", nullable=False
    ),
    real_column("mean_absolute_error_bps", "Mean distance of what it forecast for them.", _BPS_8H),
    real_column(
        "naive_mean_absolute_error_bps",
        "The same of the last settled rate as a forecast: less than that is what the model adds.",
        _BPS_8H,
    ),
)
"""What ``forecast_rate`` returns."""


def forecast_rate(
    connection: duckdb.DuckDBPyConnection, venue: str, symbol: str, now: datetime
) -> pl.DataFrame:
    """Forecast the rate that an instrument settles next.

    Returns
    -------
    polars.DataFrame
        ``FORECAST``: one row, or none where too little has been settled.
    """
    schema = schema_of(FORECAST)
    settled = settled_rates(connection, venue, symbol, now - LEARNT_FROM, now).drop_nulls("rate_8h")
    rates, times = settled["rate_8h"].to_list(), settled["funding_time"].to_list()
    if len(rates) <= LEAST_LEARNT:
        return schema.to_frame()
    *past, last = _forecasts(rates)
    assert last is not None, "enough has been learnt"
    met = [
        (abs(forecast[0] - came), abs(before - came))
        for forecast, came, before, at in zip(past, rates[1:], rates[:-1], times[1:], strict=True)
        if forecast is not None and at >= now - MEASURED_OVER
    ]
    told = {
        **dict(zip(INSTRUMENT_KEY, (venue, symbol), strict=True)),
        "method": "ar1",
        "rate_8h": last[0],
        "persistence": last[1],
        "made_from": times[-1],
        "settlements": len(met),
        "mean_absolute_error_bps": _mean_bps([error for error, _ in met]),
        "naive_mean_absolute_error_bps": _mean_bps([error for _, error in met]),
    }
    return pl.DataFrame([told], schema=schema)


def _forecasts(rates: Sequence[float]) -> Iterator[tuple[float, float] | None]:
    """Forecast each rate but the first from those before it, and at last the one that is to come.

    With each comes the persistence that it goes by; None while too little is known.
    """
    steps, mean_before, mean_after, spread, common = 0, 0.0, 0.0, 0.0, 0.0

    def forecast(last: float) -> tuple[float, float] | None:
        if steps < LEAST_LEARNT:
            return None
        share = common / spread if spread > steps * _STEADY else 0.0
        share = min(1.0, max(0.0, share))
        return mean_after + share * (last - mean_before), share

    for before, after in pairwise(rates):
        yield forecast(before)
        steps += 1
        distance = before - mean_before
        mean_before += distance / steps
        mean_after += (after - mean_after) / steps
        spread += distance * (before - mean_before)
        common += distance * (after - mean_after)
    yield forecast(rates[-1])


def _mean_bps(errors: Sequence[float]) -> float | None:
    return 1e4 * sum(errors) / len(errors) if errors else None
