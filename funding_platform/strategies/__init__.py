"""Funding strategies, and what a strategy is: one object runs in a backtest, on paper and live.

Here belong the contract, the built-in strategies, and the registry that finds any by name. What
simulates or sends their orders does not, nor does anything that reads or keeps data. Names load on
first use, so that importing the package costs nothing.
"""

from typing import TYPE_CHECKING

from funding_platform.core.system.lazy import lazy_names

if TYPE_CHECKING:
    from funding_platform.strategies.contract import (
        Bars,
        Book,
        Close,
        MarketView,
        NamedStrategy,
        Open,
        Order,
        Position,
        Strategy,
    )
    from funding_platform.strategies.cross_venue_carry import CrossVenueCarry
    from funding_platform.strategies.curve_timed_carry import CurveTimedCarry
    from funding_platform.strategies.errors import MissingDataError
    from funding_platform.strategies.spot_perp_carry import SpotPerpCarry

__all__ = [
    "Bars",
    "Book",
    "Close",
    "CrossVenueCarry",
    "CurveTimedCarry",
    "MarketView",
    "MissingDataError",
    "NamedStrategy",
    "Open",
    "Order",
    "Position",
    "SpotPerpCarry",
    "Strategy",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Bars": "contract",
        "Book": "contract",
        "Close": "contract",
        "CrossVenueCarry": "cross_venue_carry",
        "CurveTimedCarry": "curve_timed_carry",
        "MarketView": "contract",
        "MissingDataError": "errors",
        "NamedStrategy": "contract",
        "Open": "contract",
        "Order": "contract",
        "Position": "contract",
        "SpotPerpCarry": "spot_perp_carry",
        "Strategy": "contract",
    },
)
