"""Which instruments are followed: those listed, and those listed since."""

from dataclasses import replace
from pathlib import Path

import pytest

from funding_platform.core.time_grid import to_ms
from funding_platform.sandbox.markets.synthetic import SyntheticMarket
from funding_platform.sandbox.server import RunningSandbox, running_sandbox
from funding_platform.sandbox.wire.registry import WIRES
from funding_platform.venues.streams.contract import Frame, Reader, Socket
from funding_platform.venues.streams.updates import MarketUpdate
from funding_platform_tests.live.supervisor.supervised import LinearBybit, steady, supervised
from funding_platform_tests.sandbox.conftest import NOW
from funding_platform_tests.venues.streams.plain import PACE

pytestmark = pytest.mark.anyio


async def test_an_aggregator_is_not_asked_what_it_lists(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    async with supervised(sandbox, tmp_path, ["coingecko"], outage=2.0) as live:
        await live.until(lambda live: live.counts("coingecko").refills == 2)
        assert live.counts("coingecko").last_failure is None
        assert live.notes.listed == {}


class Strange(LinearBybit):
    """The same, which soon names a perpetual that nobody listed."""

    def reader(self, socket: Socket) -> Reader:
        read = super().reader(socket)

        def strange(message: str | bytes) -> Frame:
            frame = read(message)
            renamed = [replace_symbol(update, "NEWUSDT") for update in frame.updates[:1]]
            return replace(frame, updates=[*frame.updates, *renamed])

        return strange


def replace_symbol(update: MarketUpdate, symbol: str) -> MarketUpdate:
    return MarketUpdate(venue_symbol=symbol, event_ms=update.event_ms, mark_price=1.0)


async def test_a_stranger_has_the_listings_asked_for_and_is_not_shown(
    sandbox: RunningSandbox, tmp_path: Path
) -> None:
    listings = "/v5/market/instruments-info"
    async with steady(
        sandbox, tmp_path, venues=["bybit"], stream=Strange, strangers=1.0, listings=1e6
    ) as live:
        before = sandbox.stats()["bybit"][listings]["requests"]
        await live.until(
            lambda live: (
                live.counts("bybit").strangers > 0
                and sandbox.stats()["bybit"][listings]["requests"] > before
            )
        )
        assert "NEWUSDT" not in {row.venue_symbol for row in live.notes.updates["bybit"]}


def is_streamed(row: MarketUpdate) -> bool:
    """Tell whether the small stream may have said it."""
    return isinstance(row.mark_price, float) and not isinstance(row.open_interest_base, float)


async def test_what_is_newly_listed_is_followed(tmp_path: Path) -> None:
    """The market begins a day before a listing, and is then moved past it."""
    styles = [WIRES["bybit"].style]
    now = [to_ms(NOW)]
    market = SyntheticMarket(styles, symbols=40, seed=11, clock=lambda: now[0])
    every = SyntheticMarket(styles, symbols=40, seed=11, clock=lambda: to_ms(NOW) * 2)
    new = max(
        (i for i in every.instruments("bybit") if i.contract.contract_type == "linear"),
        key=lambda i: i.listed_ms,
    )
    now[0] = new.listed_ms - 1_000
    with running_sandbox(market, pace=PACE) as sandbox:
        async with steady(sandbox, tmp_path, venues=["bybit"], listings=20.0) as live:
            assert new.venue_symbol not in live.notes.listed["bybit"]
            now[0] = new.listed_ms + 60_000
            await live.until(
                lambda live: (
                    new.venue_symbol in live.notes.listed["bybit"]
                    and any(
                        row.venue_symbol == new.venue_symbol and is_streamed(row)
                        for row in live.notes.updates["bybit"]
                    )
                )
            )
