"""Reconciliation: what the venues hold is right, and what we remember follows."""

from dataclasses import dataclass

from funding_platform.execution.executor import AtomicPairExecutor
from funding_platform.execution.pairs import PairResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What a look at all venues found and did.

    Parameters
    ----------
    complete
        Whether every venue answered; only then is trading allowed.
    unreachable
        Venues that did not, and what they said.
    canceled
        Orders of ours that nobody waited for, by client id.
    adopted
        Fills that were new to us, by the venue's id.
    resumed
        Pairs that were under way, or lost a leg, and how that ended.
    mismatches
        What cannot be explained, in words; any halts new risk.
    """

    complete: bool
    unreachable: dict[str, str]
    canceled: tuple[str, ...]
    adopted: tuple[str, ...]
    resumed: tuple[PairResult, ...]
    mismatches: tuple[str, ...]


class Reconciler:
    """Compares venues with the journal, and mends the journal."""

    def __init__(self, executor: AtomicPairExecutor) -> None:
        self.executor = executor

    async def reconcile(self) -> Reconciliation:
        """Look at all venues once; the first complete look allows trading."""
        raise NotImplementedError
