"""Handing a command to whoever trades, or carrying it out where nobody does."""

import asyncio
import getpass
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from funding_platform.execution.commands import HALT, RESUME, CommandRefusedError
from funding_platform.execution.errors import StoreInUseError
from funding_platform.execution.store.store import Store, open_store
from funding_platform.flows.execution.reading import outcome_of
from funding_platform.flows.execution.running import command_async, trading_config
from funding_platform.settings import Settings

WAIT_SECONDS: Final = 60.0
"""How long an outcome is waited for: a close with all its tries, and a cycle before it."""

_LOOK_SECONDS: Final = 0.2


def ask(
    settings: Settings,
    name: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    config: Path | None = None,
    wait_seconds: float = WAIT_SECONDS,
) -> str:
    """Have a command carried out; return what came of it, in words.

    The process that trades carries it out; where none does, this one does. A halt is written at
    once: it does not wait for anybody.

    Raises
    ------
    CommandRefusedError
        If it is declined.
    StoreError
        If the store cannot be used.
    """
    told, actor = dict(arguments or {}), person()
    if name in (HALT, RESUME):
        return _set_halt(settings, name, told, actor)
    try:
        chosen = trading_config(settings, config)
        return asyncio.run(command_async(settings, chosen, name, told, actor))
    except StoreInUseError:
        with open_store(settings.execution_store, trades=False) as store:
            number = store.add_command(name, told, actor)
            return await_outcome(store, number, wait_seconds)


def await_outcome(store: Store, number: int, wait_seconds: float) -> str:
    """Wait for what comes of a command.

    Raises
    ------
    CommandRefusedError
        If it is declined.
    """
    until = time.monotonic() + wait_seconds
    while True:
        state, outcome = outcome_of(store, number)
        if state == "refused":
            raise CommandRefusedError(outcome)
        if state == "done":
            return outcome
        if time.monotonic() > until:
            return f"handed in as command {number}; the process that trades has yet to come to it"
        time.sleep(_LOOK_SECONDS)


def person() -> str:
    """Name whoever asks."""
    return f"{getpass.getuser()} by hand"


def _set_halt(settings: Settings, name: str, told: Mapping[str, Any], actor: str) -> str:
    reason = str(told.get("reason") or f"asked for by {actor}")
    with open_store(settings.execution_store, trades=False) as store:
        if name == HALT:
            store.halt(reason, actor)
            return "halted: nothing is opened until `funding trade resume`; closing goes on"
        store.resume(reason, actor)
        return "resumed: new pairs may be opened"
