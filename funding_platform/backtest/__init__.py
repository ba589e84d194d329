"""Backtests of delta-neutral funding strategies that charge for everything.

Pure computation: frames in, frames out, no I/O and no clock. Names load on first use, so that
importing the package costs nothing.
"""

from typing import TYPE_CHECKING

from funding_platform.core.system.lazy import lazy_names

if TYPE_CHECKING:
    from funding_platform.backtest.config import BacktestConfig
    from funding_platform.backtest.data.provider import FundingDataProvider
    from funding_platform.backtest.engine import run_backtest
    from funding_platform.backtest.results.result import BacktestResult
    from funding_platform.strategies.contract import Close, Open, Strategy
    from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
    from funding_platform.strategies.curve_timed_carry import CurveTimedCarry
    from funding_platform.strategies.spot_perp_carry import SpotPerpCarry

__all__ = [
    "BacktestConfig",
    "BacktestResult",
    "Close",
    "CrossVenueCarry",
    "CurveTimedCarry",
    "FundingDataProvider",
    "Open",
    "SpotPerpCarry",
    "Strategy",
    "run_backtest",
]

__getattr__ = lazy_names(
    __name__,
    {
        "BacktestConfig": "config",
        "BacktestResult": "results.result",
        "Close": ".strategies.contract",
        "CrossVenueCarry": ".strategies.cross_venue_carry",
        "CurveTimedCarry": ".strategies.curve_timed_carry",
        "FundingDataProvider": "data.provider",
        "Open": ".strategies.contract",
        "SpotPerpCarry": ".strategies.spot_perp_carry",
        "Strategy": ".strategies.contract",
        "run_backtest": "engine",
    },
)
