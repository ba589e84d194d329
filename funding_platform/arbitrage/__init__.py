"""Reading ranked opportunities: ``OpportunityFilter`` says which, ``find_opportunities`` gives."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from funding_platform.arbitrage.opportunities import OpportunityFilter, find_opportunities

__all__ = ["OpportunityFilter", "find_opportunities"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from funding_platform.arbitrage import opportunities

        return getattr(opportunities, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
