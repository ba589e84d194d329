"""Whatever a venue may say, it ends in a valid frame or a typed error, soon and in little memory.

A few bodies per parser with every run of the tests; ``make fuzz`` gives 10^5 to each.
``FUZZ_EXAMPLES`` says how many, ``FUZZ_SEED`` draws others. A failure names the body by its seed.
"""

import asyncio
import os
import resource
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import polars as pl
import pytest

from funding_platform.core.tables.schema import Table
from funding_platform.lake.validation import validate
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.venues.errors import UnexpectedError, VenueError
from funding_platform.venues.registry import venue_class, venue_names
from funding_platform_tests.venues.parsing.fuzzing import NOW, Memory, learn, questions
from funding_platform_tests.venues.parsing.spoiling import Spoiler

FEW = 30
MANY = int(os.environ.get("FUZZ_EXAMPLES", "100000"))
SEED = os.environ.get("FUZZ_SEED", "0")
AT_ONCE = 200
"""Frames validated together: one takes as long as the reading of its body."""

MOST_SECONDS = 5.0
"""For one body, of waiting or of the processor: a hang, not a slow machine."""

MOST_MEMORY = 2**30
"""Bytes by which the process may grow over all the bodies of a parser."""

PARSERS = [(name, table) for name in venue_names() for table in venue_class(name).spec.offers]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(build_market(symbols=2, seed=3, now=NOW)) as running:
        yield running


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.fuzz)])
@pytest.mark.parametrize(("name", "table"), PARSERS, ids=lambda it: getattr(it, "name", it))
def test_any_body_ends_in_a_valid_frame_or_a_typed_error(
    sandbox: RunningSandbox, name: str, table: Table, count: int
) -> None:
    memory, symbol = asyncio.run(learn(name, sandbox.url_of(name)))
    before, start = _peak_memory(), time.process_time()
    outcomes = asyncio.run(_fuzz(memory, symbol, name, table, count))
    seconds = time.process_time() - start
    print(f"{name} {table.name}: {count} bodies in {seconds:.0f} s of one core, {dict(outcomes)}")
    assert outcomes.total() == count
    assert outcomes.keys() == {"accepted", "refused"}  # neither all too spoilt nor none enough
    assert _peak_memory() - before < MOST_MEMORY


async def _fuzz(
    memory: Memory, symbol: str | None, name: str, table: Table, count: int
) -> Counter[str]:
    """Give the parser so many bodies, and count what became of them."""
    spoiler, outcomes = Spoiler(memory.bodies[table]), Counter[str]()
    accepted = []
    for number in range(count):
        memory.spoil(table, spoiler.body(f"{SEED}/{number}"))
        try:
            with _processor_time():
                async with asyncio.timeout(MOST_SECONDS):
                    frame = await questions(symbol)[table](venue_class(name)(memory, lambda: NOW))
        except VenueError as error:
            if isinstance(error, UnexpectedError):
                raise AssertionError(f"{name} {table.name}, body of {SEED}/{number}") from error
            outcomes["refused"] += 1
        except Exception as error:
            error.add_note(f"{name} {table.name}, body of seed {SEED}/{number}")
            raise
        else:
            outcomes["accepted"] += 1
            accepted.append(frame.with_columns(venue=pl.lit(f"{SEED}/{number}")))
        if accepted and (len(accepted) == AT_ONCE or number == count - 1):
            validate(table, pl.concat(accepted))  # an error names the seeds, as the rows' venue
            accepted.clear()
    return outcomes


@contextmanager
def _processor_time() -> Iterator[None]:
    """Raise out of a loop that never ends, which no time limit on waiting can."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"busy for more than {MOST_SECONDS} s")

    previous = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)


def _peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
