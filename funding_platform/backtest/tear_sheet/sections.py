"""A run as the sections of its tear sheet, in the order in which a desk reads them."""

import polars as pl

from funding_platform.backtest.results.result import BacktestResult
from funding_platform.backtest.tear_sheet.layout import Section
from funding_platform.backtest.tear_sheet.money import (
    attribution,
    extremes,
    holding,
    money_over_time,
    months,
)
from funding_platform.backtest.tear_sheet.risk import (
    capacity_section,
    concerned,
    stress_section,
    venues,
)


def sections_of(
    result: BacktestResult,
    stress: pl.DataFrame,
    capacity: pl.DataFrame | None = None,
    instruments: pl.DataFrame | None = None,
) -> list[Section]:
    """Every section that the run has something to say in.

    Parameters
    ----------
    result
        The run.
    stress
        As from ``stress.losses.stressed``.
    capacity
        As from ``search.capacity``; without it the run's own trades are scaled.
    instruments
        ``venue``, ``venue_symbol`` and ``contract_type`` of what is known: which legs are spot.
    """
    made = (
        concerned(result),
        *money_over_time(result),
        months(result),
        *attribution(result),
        holding(result),
        capacity_section(result, capacity),
        stress_section(stress),
        venues(result, instruments),
        *extremes(result),
    )
    return [one for one in made if one is not None]
