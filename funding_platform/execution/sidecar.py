"""The process that trades: reconcile, then cycle after cycle, until it is asked to stop.

One at a time: the store is written by whoever holds its lock. It remembers nothing that the store
does not; one that was killed goes on where it was, because the first thing it does is to ask every
venue what is there.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from funding_platform.core.system.clock import Clock
from funding_platform.execution.commands import Commands
from funding_platform.execution.cycle.trader import CycleReport, FundingArbitrageStrategy
from funding_platform.execution.pair.looks import Reconciliation
from funding_platform.execution.pair.reconcile import Reconciler
from funding_platform.execution.store.records import NewEvent

_LOG = logging.getLogger(__name__)

LISTEN_SECONDS: Final = 0.5
"""How often the store is asked for commands."""

STARTED: Final = "sidecar_started"
STOPPED: Final = "sidecar_stopped"


@dataclass(slots=True)
class Sidecar:
    """Runs a trader.

    Parameters
    ----------
    trader
        What is run.
    reconciler
        Of the same executor.
    clock
        That of both.
    told
        Told of each cycle.
    """

    trader: FundingArbitrageStrategy
    reconciler: Reconciler
    clock: Clock
    told: Callable[[CycleReport], None] = lambda _: None
    cycles: int = 0
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        """Ask it to stop: what is under way is finished, nothing else is begun."""
        self._stopping.set()

    async def run(self, cycles: int | None = None) -> None:
        """Trade until asked to stop, or for so many cycles.

        Raises
        ------
        StoreError
            If nothing can be remembered.
        """
        store, tempo = self.trader.journal.store, self.trader.config.tempo
        commands = Commands(self.trader, self.reconciler)
        commands.remembered_limits()
        store.add_event(NewEvent(kind=STARTED, reason=self.trader.config.name, actor="sidecar"))
        try:
            await self.reconciled()
            reconciled = self.clock.timer()
            while not self._stopping.is_set() and (cycles is None or self.cycles < cycles):
                await commands.carry_out()
                if self.clock.timer() - reconciled >= tempo.reconcile_seconds:
                    await self.reconcile()
                    reconciled = self.clock.timer()
                began = self.clock.timer()
                report = await self.trader.cycle()
                self.cycles += 1
                self.told(report)
                if cycles is None or self.cycles < cycles:
                    await self._wait(began + tempo.cycle_seconds, commands)
        finally:
            store.add_event(NewEvent(kind=STOPPED, reason=f"{self.cycles} cycles", actor="sidecar"))

    async def reconciled(self) -> Reconciliation | None:
        """Reconcile until every venue has answered; None where it was asked to stop before."""
        while not self._stopping.is_set():
            found = await self.reconcile()
            if found.complete:
                return found
            await self._pause(self.trader.config.tempo.reconcile_seconds)
        return None

    async def reconcile(self) -> Reconciliation:
        """Compare venues and store once, and log what was found."""
        found = await self.reconciler.reconcile()
        for venue, said in found.unreachable.items():
            _LOG.warning("%s cannot be asked: %s", venue, said)
        for mismatch in found.mismatches:
            _LOG.error("venues and store disagree: %s", mismatch)
        return found

    async def _wait(self, until: float, commands: Commands) -> None:
        """Wait for the next cycle; commands do not."""
        while not self._stopping.is_set() and (left := until - self.clock.timer()) > 0:
            await self._pause(min(left, LISTEN_SECONDS))
            await commands.carry_out()

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until it is asked to stop."""
        sleeping = asyncio.ensure_future(self.clock.sleep(seconds))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((sleeping, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            stopping.cancel()
