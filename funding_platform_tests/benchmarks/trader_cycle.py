"""A cycle of a trader with 200 pairs held and 1,000 opportunities seen, nothing to be done.

The processor's time counts, so that waiting for the disk and neighbours do not. The venues are in
the process and without friction: what is measured is seeing, valuing, deciding and remembering.
"""

import asyncio
import tempfile
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import process_time

from funding_platform.execution.cycle.trader import FundingArbitrageStrategy
from funding_platform.execution.pair.pairs import InstrumentRef, PairIntent, PairState
from funding_platform.strategies import CrossVenueCarry
from funding_platform_tests.benchmarks.measurement import Measurement
from funding_platform_tests.execution.cycle.paper_desk import PaperVenues, config, desk, given
from funding_platform_tests.execution.cycle.seen import Row, instrument, opportunity

VENUES = ("aster", "binance", "bybit", "okx")
LIMITS = {
    "max_pairs": 10_000,
    "max_total_usd": 1e9,
    "max_venue_usd": 1e9,
    "max_base_usd": 1e9,
    "max_new_per_cycle": 0,
}
STRATEGY = CrossVenueCarry(better_by=None, erosion=1.0, max_age_hours=None, entry_threshold=1.0)


def cycle_rows(quick: bool = False) -> list[Measurement]:
    """Measure a cycle."""
    held, bases, repeats = (20, 50, 2) if quick else (200, 500, 7)
    with tempfile.TemporaryDirectory() as folder:
        took = asyncio.run(_cycles(Path(folder), held, bases, repeats))
    return [
        Measurement(
            f"cycle: {held:,} pairs held, {2 * bases:,} opportunities",
            1e3 * took,
            "ms",
            target=1_000,
        )
    ]


async def _cycles(folder: Path, held: int, bases: int, repeats: int) -> float:
    rows, offered = _market(bases)
    venues = PaperVenues()
    venues.list_(rows)
    async with desk(folder, venues, given(rows, offered), config(STRATEGY, limits=LIMITS)) as made:
        await made.reconciler.reconcile()
        for number in range(held):
            result = await made.trader.executor.open(_intent(number, venues))
            assert result.state is PairState.OPEN, result.reasons
        times = [await _cycle_seconds(made.trader) for _ in range(repeats)]
    return median(times)


async def _cycle_seconds(trader: FundingArbitrageStrategy) -> float:
    began = process_time()
    report = await trader.cycle()
    took = process_time() - began
    assert not report.results
    assert len(report.seen.held) >= 1
    return took


def _market(bases: int) -> tuple[list[Row], list[Row]]:
    rows = [
        instrument(venue, f"B{number}", 0.001 * place)
        for number in range(bases)
        for place, venue in enumerate(VENUES)
    ]
    offered = [
        opportunity(f"B{number}", long, short)
        for number in range(bases)
        for long, short in (VENUES[:2], VENUES[2:])
    ]
    return rows, offered


def _intent(number: int, venues: PaperVenues) -> PairIntent:
    return PairIntent(
        base=f"B{number}",
        long=InstrumentRef("aster", f"B{number}USDT"),
        short=InstrumentRef("okx", f"B{number}USDT"),
        size_usd=Decimal(10),
        decided_at=venues.moved.at,
        memo=0.003,
        facts={"divergence_8h": 0.003},
    )
