"""A venue on paper: matches orders against books that are handed in, and keeps the account.

Here belongs what a venue does with an order, as a pure function of the orders, the market and the
instants that it is told: no clock, no latency, no I/O, no faults of a network. Who waits, breaks
off and comes again after a restart is in ``execution.paper``; the sandbox serves it over a socket.
"""

from typing import TYPE_CHECKING

from funding_platform.core.system.lazy import lazy_names

if TYPE_CHECKING:
    from funding_platform.paper.engine import PaperEngine
    from funding_platform.paper.errors import PaperError, RefusedError, UnlistedError
    from funding_platform.paper.market import PaperMarket, Settlement
    from funding_platform.paper.priced import PricedMarket
    from funding_platform.paper.rules import FREE, PaperRules
    from funding_platform.paper.state import PaperState

__all__ = [
    "FREE",
    "PaperEngine",
    "PaperError",
    "PaperMarket",
    "PaperRules",
    "PaperState",
    "PricedMarket",
    "RefusedError",
    "Settlement",
    "UnlistedError",
]

__getattr__ = lazy_names(
    __name__,
    {
        "FREE": "rules",
        "PaperEngine": "engine",
        "PaperError": "errors",
        "PaperMarket": "market",
        "PaperRules": "rules",
        "PaperState": "state",
        "PricedMarket": "priced",
        "RefusedError": "errors",
        "Settlement": "market",
        "UnlistedError": "errors",
    },
)
