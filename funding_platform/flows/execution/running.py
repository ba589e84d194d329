"""The process that trades, put together: configuration, store, accounts, market, and the loop."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from funding_platform.core.system.clock import Clock
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.execution.commands import Commands
from funding_platform.execution.config import TradingConfig, read_trading_config
from funding_platform.execution.cycle.sight import MarketSource
from funding_platform.execution.cycle.trader import CycleReport, FundingArbitrageStrategy
from funding_platform.execution.errors import StoreInUseError
from funding_platform.execution.pair.executor import AtomicPairExecutor
from funding_platform.execution.pair.reconcile import Reconciler
from funding_platform.execution.sidecar import Sidecar
from funding_platform.execution.store.journal import Journal
from funding_platform.execution.store.records import NewEvent
from funding_platform.execution.store.store import Store, open_store
from funding_platform.flows.execution.accounts import Accounts, open_accounts
from funding_platform.flows.execution.control import control_server
from funding_platform.flows.execution.market import LakeMarket
from funding_platform.flows.execution.reading import outcome_of
from funding_platform.settings import Settings, project_file
from funding_platform.venues.registry import offering, venue_names

LOOK_SECONDS: Final = 0.5
"""How often a successor looks whether the trader before it has let go of the store."""

EXAMPLE: Final = Path("execution") / "paper.yaml"
"""From the project's root: what is traded unless another file is named."""


def trading_config(settings: Settings, path: Path | None = None) -> TradingConfig:
    """Read a configuration, the example's by default, with the venues of the settings.

    A configuration that cannot be used is an event of the store, so that screens show why nothing
    is traded.

    Raises
    ------
    TradingConfigError
        If it is not valid, or names a venue that does not exist.
    """
    venues = offering(FUNDING_RATES, venue_names())
    try:
        config = read_trading_config(path or project_file(EXAMPLE))
        config.require_venues(tuple(venues))
    except Exception as error:
        with open_store(settings.execution_store, trades=False) as store:
            store.add_event(NewEvent(kind="config_refused", reason=str(error), actor="sidecar"))
        raise
    known = [venue for venue in settings.venues or venues if venue in venues]
    return config.model_copy(update={"venues": config.venues or tuple(known)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything that trades: who holds one is the only one that does."""

    store: Store
    accounts: Accounts
    trader: FundingArbitrageStrategy
    reconciler: Reconciler
    clock: Clock

    def sidecar(self, told: Callable[[CycleReport], None] = lambda _: None) -> Sidecar:
        """Return the loop over it."""
        return Sidecar(self.trader, self.reconciler, self.clock, told)


@asynccontextmanager
async def open_desk(
    settings: Settings,
    config: TradingConfig,
    *,
    clock: Clock | None = None,
    source: MarketSource | None = None,
    accounts: Accounts | None = None,
    patience_seconds: float = 0.0,
) -> AsyncIterator[Desk]:
    """Open store and accounts, and let go of them afterwards.

    Parameters
    ----------
    clock
        That of everything that waits.
    source
        Sees the market; the lake and the live board by default.
    accounts
        What is traded on, and left open afterwards; opened as the settings say by default.
    patience_seconds
        How long another process that trades is waited for.

    Raises
    ------
    StoreInUseError
        If another process trades, and goes on doing so.
    StoreError
        If the store cannot be used.
    """
    time = clock or Clock()
    with await store_when_free(settings.execution_store, time, patience_seconds) as store:
        given = nullcontext(accounts) if accounts is not None else None
        async with given or open_accounts(settings, config, time) as clients:
            executor = AtomicPairExecutor(clients, Journal(store), config.tactics, time)
            market = source or LakeMarket(settings, config)
            yield Desk(
                store=store,
                accounts=clients,
                trader=FundingArbitrageStrategy(config, executor, market, time),
                reconciler=Reconciler(executor),
                clock=time,
            )


async def store_when_free(url: str, clock: Clock, patience_seconds: float) -> Store:
    """Open the store to trade, as soon as nobody else does.

    Raises
    ------
    StoreInUseError
        If somebody does for longer than is waited.
    """
    began = clock.timer()
    while True:
        try:
            return open_store(url, clock.now)
        except StoreInUseError:
            if clock.timer() - began >= patience_seconds:
                raise
        await clock.sleep(LOOK_SECONDS)


async def trade_async(
    settings: Settings,
    config: TradingConfig,
    *,
    cycles: int | None = None,
    seconds: float | None = None,
    patience_seconds: float = 0.0,
    told: Callable[[CycleReport], None] = lambda _: None,
) -> int:
    """Trade until SIGTERM or SIGINT, for so many cycles or seconds; return how many cycles.

    What is under way when it is asked to stop is finished; nothing else is begun. Another process
    that trades is waited for as long as ``patience_seconds``; the seconds begin after that.
    """
    async with open_desk(settings, config, patience_seconds=patience_seconds) as desk:
        sidecar = desk.sidecar(told)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, sidecar.stop)
        if seconds is not None:
            loop.call_later(seconds, sidecar.stop)
        async with control_server(settings, desk.store, config.control_port):
            await sidecar.run(cycles)
        return sidecar.cycles


async def command_async(
    settings: Settings,
    config: TradingConfig,
    name: str,
    arguments: Mapping[str, Any],
    actor: str,
) -> str:
    """Carry out a command in this process, where no other trades: reconcile first.

    Raises
    ------
    StoreInUseError
        If another process trades: hand it the command instead.
    FundingError
        If it cannot be carried out.
    """
    async with open_desk(settings, config) as desk:
        number = desk.store.add_command(name, arguments, actor)
        await desk.reconciler.reconcile()
        commands = Commands(desk.trader, desk.reconciler)
        commands.remembered_limits()
        await commands.carry_out()
        return outcome_of(desk.store, number)[1]
