"""Asking every venue how its account stands, all at once; one that fails costs only itself."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from funding_platform.core.system.clock import Clock
from funding_platform.core.trading import ZERO
from funding_platform.execution.cycle.facts import VenueState
from funding_platform.venues.errors import VenueError
from funding_platform.venues.orders.contract import ExchangeClient

ANSWER_SECONDS: Final = 10.0
"""Longest wait for what one venue says of its account."""


async def ask_accounts(
    clients: Mapping[str, ExchangeClient], clock: Clock
) -> dict[str, VenueState]:
    """Return how each account stands; what a venue does not say is unknown, not zero."""
    states = await asyncio.gather(*(_ask(client, clock) for client in clients.values()))
    return dict(zip(clients, states, strict=True))


async def _ask(client: ExchangeClient, clock: Clock) -> VenueState:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            asked, timer = clock.now(), clock.timer()
            theirs = await client.server_time()
            way = timedelta(seconds=clock.timer() - timer)
            balance, holdings = await asyncio.gather(client.balance(), client.holdings())
    except (VenueError, TimeoutError) as error:
        return VenueState(reachable=False, trouble=str(error) or "no answer in time")
    return VenueState(
        reachable=True,
        skew_seconds=skew_seconds(theirs, asked, way),
        equity_usd=float(balance.equity_usd),
        free_usd=float(balance.free_usd),
        locked_usd=float(sum((held.locked_usd for held in holdings.values()), ZERO)),
        maintenance_usd=float(balance.maintenance_usd),
        own_ratios={
            symbol: float(held.margin_ratio)
            for symbol, held in holdings.items()
            if held.margin_ratio is not None
        },
        marks={symbol: held.mark_price for symbol, held in holdings.items()},
    )


def skew_seconds(theirs: datetime, asked: datetime, way: timedelta) -> float:
    """Return by how much a clock is off at least, its sign that of theirs less ours.

    The answer was given between ``asked`` and ``asked + way``: what lies within is no skew.
    """
    early, late = theirs - asked, theirs - (asked + way)
    if early < timedelta(0):
        return early.total_seconds()
    return max(late.total_seconds(), 0.0)
