"""Execution: both legs of a pair, or neither. Names load on first use."""

from typing import TYPE_CHECKING

from funding_platform.core.lazy import lazy_names

if TYPE_CHECKING:
    from funding_platform.execution.paper.exchange import Conditions, PaperExchange
    from funding_platform.execution.paper.faults import (
        Faults,
        Outcome,
        PaperCrash,
        RandomFaults,
        Script,
    )

__all__ = [
    "Conditions",
    "Faults",
    "Outcome",
    "PaperCrash",
    "PaperExchange",
    "RandomFaults",
    "Script",
]

__getattr__ = lazy_names(
    __name__,
    {
        "Conditions": "paper.exchange",
        "Faults": "paper.faults",
        "Outcome": "paper.faults",
        "PaperCrash": "paper.faults",
        "PaperExchange": "paper.exchange",
        "RandomFaults": "paper.faults",
        "Script": "paper.faults",
    },
)
