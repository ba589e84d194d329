"""What people may ask of a trader: to close, to halt, to resume, to change limits. Never to open.

A command is written into the store by whoever asks and carried out by the process that trades, one
at a time, between cycles. Both leave an event, and the outcome is words.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from funding_platform.core.errors import FundingError
from funding_platform.core.validation_errors import raise_as
from funding_platform.execution.config import Limits
from funding_platform.execution.cycle.trader import FundingArbitrageStrategy
from funding_platform.execution.errors import TradingConfigError
from funding_platform.execution.pair.pairs import PairState
from funding_platform.execution.pair.reconcile import Reconciler
from funding_platform.execution.store.journal import LIVE
from funding_platform.execution.store.records import CommandRecord

CLOSE: Final = "close"
CLOSE_ALL: Final = "close_all"
HALT: Final = "halt"
RESUME: Final = "resume"
SET_LIMITS: Final = "set_limits"
RECONCILE: Final = "reconcile"

NAMES: Final = (CLOSE, CLOSE_ALL, HALT, RESUME, SET_LIMITS, RECONCILE)
"""All commands. None of them opens anything: what is opened, a strategy has decided on."""


class CommandRefusedError(FundingError):
    """A command that cannot be carried out, or is none."""


class Commands:
    """Carries commands out.

    Parameters
    ----------
    trader
        What is told.
    reconciler
        Of the same executor.
    """

    def __init__(self, trader: FundingArbitrageStrategy, reconciler: Reconciler) -> None:
        self._trader, self._reconciler = trader, reconciler
        self._executor = trader.executor
        self._store = trader.journal.store
        self._does: Mapping[str, Callable[[CommandRecord], Awaitable[str]]] = {
            CLOSE: self._close,
            CLOSE_ALL: self._close_all,
            HALT: self._halt,
            RESUME: self._resume,
            SET_LIMITS: self._set_limits,
            RECONCILE: self._reconcile,
        }

    async def carry_out(self) -> int:
        """Carry out what was asked for, oldest first; return how many there were."""
        asked = self._store.commands("asked")
        for command in asked:
            try:
                outcome = await self.do(command)
            except FundingError as error:
                self._store.finish_command(command.command_id, error.message, refused=True)
            else:
                self._store.finish_command(command.command_id, outcome)
        return len(asked)

    async def do(self, command: CommandRecord) -> str:
        """Carry out one command; return what came of it.

        Raises
        ------
        CommandRefusedError
            If there is no such command, or its arguments are none.
        FundingError
            If it fails.
        """
        if command.name not in self._does:
            raise CommandRefusedError(
                f"there is no command {command.name!r}", hint=f"there are {', '.join(NAMES)}"
            )
        return await self._does[command.name](command)

    def remembered_limits(self) -> None:
        """Go on with the limits that somebody has set before the restart."""
        if (limits := self._store.strategy_state(self._key)) is not None:
            self._trader.config = self._trader.config.model_copy(
                update={"limits": checked_limits(limits)}
            )

    @property
    def _key(self) -> str:
        return f"limits of {self._trader.config.name}"

    async def _close(self, command: CommandRecord) -> str:
        pair_id = self._pair_named(command.arguments.get("pair_id"))
        result = await self._executor.close(pair_id, f"asked for by {command.actor}", command.actor)
        return f"{pair_id} is {result.state}, net {result.pnl.total_usd:,.2f} USD"

    def _pair_named(self, name: object) -> str:
        """Return the pair of a name, or of the first digits of one that is held."""
        if not isinstance(name, str) or not name:
            raise CommandRefusedError("close needs pair_id, the name of a pair")
        found = [
            pair.pair_id
            for pair in self._trader.journal.pairs(*LIVE)
            if pair.pair_id.startswith(name)
        ]
        if len(found) > 1:
            raise CommandRefusedError(f"{name!r} may be {' or '.join(found)}: write more of it")
        return found[0] if found else self._trader.journal.pair(name).pair_id

    async def _close_all(self, command: CommandRecord) -> str:
        closed, left = 0, []
        for pair in self._trader.journal.pairs(*LIVE):
            reason = f"all closed by {command.actor}"
            result = await self._executor.close(pair.pair_id, reason, command.actor)
            if result.state in (PairState.CLOSED, PairState.ABORTED):
                closed += 1
            else:
                left.append(f"{pair.pair_id} is {result.state}")
        return "; ".join((f"{closed} closed", *left))

    async def _halt(self, command: CommandRecord) -> str:
        reason = str(command.arguments.get("reason") or f"asked for by {command.actor}")
        self._store.halt(reason, command.actor)
        return "halted: nothing is opened until somebody resumes; what is open can be closed"

    async def _resume(self, command: CommandRecord) -> str:
        reason = str(command.arguments.get("reason") or f"asked for by {command.actor}")
        self._store.resume(reason, command.actor)
        return "resumed"

    async def _set_limits(self, command: CommandRecord) -> str:
        current = self._trader.config.limits.model_dump()
        limits = checked_limits({**current, **command.arguments})
        self._trader.config = self._trader.config.model_copy(update={"limits": limits})
        self._store.save_strategy_state(self._key, limits.model_dump())
        changed = {name: getattr(limits, name) for name in command.arguments}
        return ", ".join(f"{name} is {value:g}" for name, value in changed.items()) or "no change"

    async def _reconcile(self, command: CommandRecord) -> str:
        found = await self._reconciler.reconcile()
        told = [f"{venue} cannot be asked" for venue in found.unreachable]
        return "; ".join((*told, *found.mismatches)) or "venues and store agree"


def checked_limits(fields: Mapping[str, Any]) -> Limits:
    """Read limits.

    Raises
    ------
    TradingConfigError
        If one is out of bounds, or there is no such limit.
    """
    with raise_as(TradingConfigError, "the limits are not valid", Limits.model_fields):
        return Limits.model_validate(dict(fields))
