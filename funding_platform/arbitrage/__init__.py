"""Reading ranked opportunities: a filter says which, ``find_opportunities`` gives them.

Names load on first use, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from funding_platform.arbitrage.comparison import compare_venues
    from funding_platform.arbitrage.filters import OpportunityFilter
    from funding_platform.arbitrage.opportunities import find_opportunities, left_out

__all__ = ["OpportunityFilter", "compare_venues", "find_opportunities", "left_out"]

_HOMES = {
    "OpportunityFilter": "filters",
    "compare_venues": "comparison",
    "find_opportunities": "opportunities",
    "left_out": "opportunities",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
