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
    from funding_platform.execution.reconcile import Reconciler, Reconciliation
    from funding_platform.execution.rules import ExecutionRules
    from funding_platform.execution.store.journal import Journal
    from funding_platform.execution.store.store import Store, open_store

__all__ = [
    "AtomicPairExecutor",
    "ExecutionError",
    "ExecutionRules",
    "InstrumentRef",
    "Journal",
    "LegName",
    "LegResult",
    "NewerStoreError",
    "NotReconciledError",
    "PairIntent",
    "PairResult",
    "PairState",
    "Pnl",
    "Reconciler",
    "Reconciliation",
    "Store",
    "StoreError",
    "StoreInUseError",
    "UnknownPairError",
    "open_store",
]

__getattr__ = lazy_names(
    __name__,
    {
        "AtomicPairExecutor": "executor",
        "ExecutionError": "errors",
        "ExecutionRules": "rules",
        "InstrumentRef": "pairs",
        "Journal": "store.journal",
        "LegName": "pairs",
        "LegResult": "pairs",
        "NewerStoreError": "errors",
        "NotReconciledError": "errors",
        "PairIntent": "pairs",
        "PairResult": "pairs",
        "PairState": "pairs",
        "Pnl": "pairs",
        "Reconciler": "reconcile",
        "Reconciliation": "reconcile",
        "Store": "store.store",
        "StoreError": "errors",
        "StoreInUseError": "errors",
        "UnknownPairError": "errors",
        "open_store": "store.store",
    },
)
