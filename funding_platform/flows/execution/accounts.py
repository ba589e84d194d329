"""The accounts that a trader trades on: one per venue, on paper."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TypeAlias

from funding_platform.core.clock import Clock
from funding_platform.execution.config import TradingConfig
from funding_platform.settings import Settings
from funding_platform.venues.orders.contract import ExchangeClient

Accounts: TypeAlias = Mapping[str, ExchangeClient]
"""By the name of the venue."""


@asynccontextmanager
async def open_accounts(
    settings: Settings, config: TradingConfig, clock: Clock
) -> AsyncIterator[Accounts]:
    """Open an account on every venue of a configuration, and let go of them afterwards."""
    raise NotImplementedError
    yield {}
