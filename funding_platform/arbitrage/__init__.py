"""Cross-venue opportunities: the filter, its costs and its ranking as SQL, and the words for them.

What belongs here: what is meant by an opportunity that passes. ``find_opportunities`` asks one
table; whatever else is asked of the lake is in ``flows.queries``. Names load on first use, so that
importing the package costs nothing.
"""

from typing import TYPE_CHECKING

from funding_platform.core.system.lazy import lazy_names

if TYPE_CHECKING:
    from funding_platform.arbitrage.filters import OpportunityFilter
    from funding_platform.arbitrage.opportunities import find_opportunities

__all__ = ["OpportunityFilter", "find_opportunities"]

__getattr__ = lazy_names(
    __name__, {"OpportunityFilter": "filters", "find_opportunities": "opportunities"}
)
