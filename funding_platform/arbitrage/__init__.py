"""Reading ranked opportunities: a filter says which, ``find_opportunities`` gives them.

Names load on first use, so that importing the package costs nothing.
"""

from typing import TYPE_CHECKING

from funding_platform.core.lazy import lazy_names

if TYPE_CHECKING:
    from funding_platform.arbitrage.comparison import compare_venues
    from funding_platform.arbitrage.filters import OpportunityFilter
    from funding_platform.arbitrage.opportunities import find_opportunities, left_out

__all__ = ["OpportunityFilter", "compare_venues", "find_opportunities", "left_out"]

__getattr__ = lazy_names(
    __name__,
    {
        "OpportunityFilter": "filters",
        "compare_venues": "comparison",
        "find_opportunities": "opportunities",
        "left_out": "opportunities",
    },
)
