"""Both legs, or neither: the executor of pairs."""

from collections.abc import Mapping

from funding_platform.core.clock import Clock
from funding_platform.execution.pairs import PairIntent, PairResult
from funding_platform.execution.rules import ExecutionRules
from funding_platform.execution.store.journal import Journal
from funding_platform.venues.orders.contract import ExchangeClient


class AtomicPairExecutor:
    """Opens and closes pairs so that both legs fill, or neither stays.

    Parameters
    ----------
    clients
        By the name of the venue.
    """

    def __init__(
        self,
        clients: Mapping[str, ExchangeClient],
        journal: Journal,
        rules: ExecutionRules | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.clients = clients
        self.journal = journal
        self.rules = rules or ExecutionRules()
        self.clock = clock or Clock()

    async def open(self, intent: PairIntent) -> PairResult:
        """Open a pair, or leave nothing.

        Returns
        -------
        PairResult
            ``open``: both legs are held alike. ``aborted``: neither is. ``refused``: nothing was
            placed. ``unwinding``: a venue could not be reached, the next reconciliation goes on.

        Raises
        ------
        NotReconciledError
            Before the first reconciliation.
        """
        raise NotImplementedError

    async def close(self, pair_id: str, reason: str, actor: str = "strategy") -> PairResult:
        """Close a pair with orders that can only reduce; also while new risk is halted.

        Returns
        -------
        PairResult
            ``closed``: neither leg is held. ``closing``: something is left, which the next
            reconciliation goes on with. A pair that is over is returned as it is.

        Raises
        ------
        UnknownPairError
            If there is none of that name.
        """
        raise NotImplementedError
