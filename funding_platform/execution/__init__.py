"""Pairs that are opened and closed on venues so that both legs fill, or neither stays.

``pair`` is how something is traded, both legs or neither; ``cycle`` decides what, by any strategy
of ``strategies``; ``paper`` are venues that nobody has to pay; ``store`` is what must not be
forgotten. Where something is traded is for ``venues.orders``.
Names load on first use, so that importing the package costs nothing.
"""

from typing import TYPE_CHECKING

from funding_platform.core.system.lazy import lazy_names

if TYPE_CHECKING:
    from funding_platform.execution.config import TradingConfig, read_trading_config
    from funding_platform.execution.cycle.trader import FundingArbitrageStrategy
    from funding_platform.execution.errors import (
        ExecutionError,
        NewerStoreError,
        NotReconciledError,
        StoreError,
        StoreInUseError,
        UnknownPairError,
    )
    from funding_platform.execution.pair.executor import AtomicPairExecutor
    from funding_platform.execution.pair.looks import Reconciliation
    from funding_platform.execution.pair.pairs import (
        InstrumentRef,
        LegName,
        LegResult,
        PairIntent,
        PairResult,
        PairState,
        Pnl,
    )
    from funding_platform.execution.pair.reconcile import Reconciler
    from funding_platform.execution.pair.rules import ExecutionRules
    from funding_platform.execution.paper.account_file import AccountFile
    from funding_platform.execution.paper.board import (
        Board,
        BoardMarket,
        BoardQuote,
        MeasuredDepth,
    )
    from funding_platform.execution.paper.conditions import Conditions
    from funding_platform.execution.paper.exchange import PaperExchange
    from funding_platform.execution.paper.faults import (
        Faults,
        Outcome,
        PaperCrash,
        RandomFaults,
        Script,
    )
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
    "FundingArbitrageStrategy",
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
    "TradingConfig",
    "UnknownPairError",
    "open_store",
    "read_trading_config",
]

__getattr__ = lazy_names(
    __name__,
    {
        "AccountFile": "paper.account_file",
        "AtomicPairExecutor": "pair.executor",
        "Board": "paper.board",
        "BoardMarket": "paper.board",
        "BoardQuote": "paper.board",
        "Conditions": "paper.conditions",
        "ExecutionError": "errors",
        "ExecutionRules": "pair.rules",
        "Faults": "paper.faults",
        "FundingArbitrageStrategy": "cycle.trader",
        "InstrumentRef": "pair.pairs",
        "Journal": "store.journal",
        "LegName": "pair.pairs",
        "LegResult": "pair.pairs",
        "MeasuredDepth": "paper.board",
        "NewerStoreError": "errors",
        "NotReconciledError": "errors",
        "Outcome": "paper.faults",
        "PairIntent": "pair.pairs",
        "PairResult": "pair.pairs",
        "PairState": "pair.pairs",
        "PaperCrash": "paper.faults",
        "PaperExchange": "paper.exchange",
        "Pnl": "pair.pairs",
        "RandomFaults": "paper.faults",
        "Reconciler": "pair.reconcile",
        "Reconciliation": "pair.looks",
        "Script": "paper.faults",
        "Store": "store.store",
        "StoreError": "errors",
        "StoreInUseError": "errors",
        "TradingConfig": "config",
        "UnknownPairError": "errors",
        "open_store": "store.store",
        "read_trading_config": "config",
    },
)
