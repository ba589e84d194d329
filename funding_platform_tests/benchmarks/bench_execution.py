"""Pairs opened and closed on paper, one venue's answer as far as memory, the journal on disk.

Every pair is pre-flighted on both venues, journaled with full sync before anything is sent, filled,
read back from both venues and closed again. Eight are under way at a time, each on an instrument of
its own, as in a cycle that finds much to do.
"""

import asyncio
import tempfile
from decimal import Decimal
from itertools import chain
from pathlib import Path
from statistics import quantiles
from time import perf_counter, process_time

from funding_platform.core.system.clock import Clock
from funding_platform.core.trading import InstrumentLimits
from funding_platform.execution import (
    AtomicPairExecutor,
    InstrumentRef,
    Journal,
    PairIntent,
    PairState,
    PaperExchange,
    Reconciler,
    open_store,
)
from funding_platform.paper import PaperEngine, PricedMarket
from funding_platform_tests.benchmarks.measurement import Measurement
from funding_platform_tests.benchmarks.trader_cycle import cycle_rows

AT_ONCE = 8
VENUES = ("alpha", "beta")
SYMBOLS = tuple(f"COIN{number}" for number in range(AT_ONCE))
LIMITS = {
    symbol: InstrumentLimits(
        venue_symbol=symbol,
        quantity_step=Decimal("0.01"),
        price_step=Decimal("0.01"),
        min_quantity=Decimal("0.01"),
    )
    for symbol in SYMBOLS
}


def run(quick: bool = False) -> list[Measurement]:
    pairs = 10 * AT_ONCE if quick else 100 * AT_ONCE
    with tempfile.TemporaryDirectory() as folder:
        alone, _, _ = asyncio.run(_trade(Path(folder) / "alone.sqlite", pairs // AT_ONCE, 1))
        _, took, busy = asyncio.run(_trade(Path(folder) / "many.sqlite", pairs, AT_ONCE))
    return [
        Measurement(
            "a decision to both orders sent, p99",
            1e3 * quantiles(alone, n=100)[-1],
            "ms",
            target=20,
        ),
        Measurement(
            f"pairs opened and closed, {AT_ONCE} at a time",
            pairs / took,
            "pairs/s",
            target=1_000 / 60,
        ),
        Measurement("of one core, for a pair opened and closed", 1e3 * busy / pairs, "ms"),
        *cycle_rows(quick),
    ]


async def _trade(file: Path, pairs: int, at_once: int) -> tuple[list[float], float, float]:
    """Return the seconds to both orders sent of each, all seconds, and those of a processor."""
    clock = Clock()
    with open_store(f"sqlite:///{file}") as store:
        executor = AtomicPairExecutor(_venues(clock), Journal(store), clock=clock)
        await Reconciler(executor).reconcile()
        await _worker(executor, SYMBOLS[0], 1)  # statements are compiled once
        began, busy = perf_counter(), process_time()
        sent = await asyncio.gather(
            *(_worker(executor, symbol, pairs // at_once) for symbol in SYMBOLS[:at_once])
        )
        took = perf_counter() - began, process_time() - busy
    return list(chain.from_iterable(sent)), *took


async def _worker(executor: AtomicPairExecutor, symbol: str, pairs: int) -> list[float]:
    """Open and close one pair after another."""
    long, short = (InstrumentRef(venue, symbol) for venue in VENUES)
    sent = []
    for _ in range(pairs):
        intent = PairIntent(
            base=symbol,
            long=long,
            short=short,
            size_usd=Decimal(1_000),
            decided_at=executor.clock.now(),
        )
        opened = await executor.open(intent)
        assert opened.state is PairState.OPEN, opened.reasons
        assert opened.timings.to_sent is not None
        sent.append(opened.timings.to_sent)
        closed = await executor.close(intent.pair_id, "bench")
        assert closed.state is PairState.CLOSED, closed.reasons
    return sent


def _venues(clock: Clock) -> dict[str, PaperExchange]:
    venues = {}
    for venue in VENUES:
        engine = PaperEngine(PricedMarket(dict.fromkeys(SYMBOLS, Decimal(100)), LIMITS))
        engine.deposit(Decimal(1_000_000))
        venues[venue] = PaperExchange(venue, engine, clock=clock)
    return venues
