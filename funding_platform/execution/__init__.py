"""Pairs that are opened and closed on venues so that both legs fill, or neither stays.

Here belong the store, sizing, pre-flight, the executor and reconciliation: *how* something is
traded. What is worth trading is for ``strategies``, and where it is traded for ``venues.orders``.
Names load on first use, so that importing the package costs nothing.
"""

from typing import TYPE_CHECKING

from funding_platform.core.lazy import lazy_names

if TYPE_CHECKING:
    from funding_platform.execution.errors import (
        ExecutionError,
        NewerStoreError,
        NotReconciledError,
        StoreError,
        StoreInUseError,
        UnknownPairError,
    )
    from funding_platform.execution.executor import AtomicPairExecutor
    from funding_platform.execution.pairs import (
        InstrumentRef,
        LegName,
        LegResult,
        PairIntent,
        PairResult,
        PairState,
        Pnl,
    )
    from funding_platform.execution.paper.account_file import AccountFile
    from funding_platform.execution.paper.board import (
        Board,
        BoardMarket,
        BoardQuote,
        MeasuredDepth,
    )
    from funding_platform.execution.paper.exchange import Conditions, PaperExchange
    from funding_platform.execution.paper.faults import (
        Faults,
        Outcome,
        PaperCrash,
        RandomFaults,
        Script,
    )
    from funding_platform.execution.reconcile import Reconciler, Reconciliation
    from funding_platform.execution.rules import ExecutionRules
    from funding_platform.execution.store.journal import Journal
    from funding_platform.execution.store.store import Store, open_store

__all__ = [
    "AccountFile",
    "AtomicPairExecutor",
    "Board",
    "BoardMarket",
    "BoardQuote",
    "Conditions",
    "ExecutionError",
    "ExecutionRules",
    "Faults",
    "InstrumentRef",
    "Journal",
    "LegName",
    "LegResult",
    "MeasuredDepth",
    "NewerStoreError",
    "NotReconciledError",
    "Outcome",
    "PairIntent",
    "PairResult",
    "PairState",
    "PaperCrash",
    "PaperExchange",
    "Pnl",
    "RandomFaults",
    "Reconciler",
    "Reconciliation",
    "Script",
    "Store",
    "StoreError",
    "StoreInUseError",
    "UnknownPairError",
    "open_store",
]

__getattr__ = lazy_names(
    __name__,
    {
        "AccountFile": "paper.account_file",
        "AtomicPairExecutor": "executor",
        "Board": "paper.board",
        "BoardMarket": "paper.board",
        "BoardQuote": "paper.board",
        "Conditions": "paper.exchange",
        "ExecutionError": "errors",
        "ExecutionRules": "rules",
        "Faults": "paper.faults",
        "InstrumentRef": "pairs",
        "Journal": "store.journal",
        "LegName": "pairs",
        "LegResult": "pairs",
        "MeasuredDepth": "paper.board",
        "NewerStoreError": "errors",
        "NotReconciledError": "errors",
        "Outcome": "paper.faults",
        "PairIntent": "pairs",
        "PairResult": "pairs",
        "PairState": "pairs",
        "PaperCrash": "paper.faults",
        "PaperExchange": "paper.exchange",
        "Pnl": "pairs",
        "RandomFaults": "paper.faults",
        "Reconciler": "reconcile",
        "Reconciliation": "reconcile",
        "Script": "paper.faults",
        "Store": "store.store",
        "StoreError": "errors",
        "StoreInUseError": "errors",
        "UnknownPairError": "errors",
        "open_store": "store.store",
    },
)
