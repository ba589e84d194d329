"""Whatever a venue may say, it has to end in a valid frame or a typed error, and soon.

Some good answers are learnt from the sandbox and spoilt, body after body, by seeded draws. A
failure names the body by its seed.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import polars as pl

from funding_platform.adapter_kit.memory import NOW, Memory, learn, questions
from funding_platform.adapter_kit.spoiling import Spoiler
from funding_platform.core.tables.schema import Table
from funding_platform.lake.validation import validate
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.venues.errors import UnexpectedError, VenueError
from funding_platform.venues.registry import venue_class, venue_spec

FEW: Final = 30
AT_ONCE: Final = 200
"""Frames validated together: one takes as long as the reading of its body."""

MOST_SECONDS: Final = 5.0
"""For one body, of waiting or of the processor: a hang, not a slow machine."""

OUTCOMES: Final = {"accepted", "refused"}


def check_spoilt_answers(name: str, count: int = FEW, seed: str = "0") -> None:
    """Check each parser of a registered venue on spoilt answers of its wire in the sandbox.

    Parameters
    ----------
    count
        How many bodies each parser is given.
    seed
        Another one draws other bodies.

    Raises
    ------
    AssertionError
        If a body ends in an invalid frame, an untyped error or not at all.
    """
    with running_sandbox(build_market(symbols=2, seed=3, now=NOW)) as sandbox:
        for table in venue_spec(name).offers:
            check_parser(sandbox, name, table, count, seed)


def check_parser(
    sandbox: RunningSandbox, name: str, table: Table, count: int, seed: str
) -> Counter[str]:
    """Check one parser; return how many bodies were accepted and how many refused."""
    memory, symbol = asyncio.run(learn(name, sandbox.url_of(name)))
    outcomes = asyncio.run(_give(memory, symbol, table, count, seed))
    assert outcomes.keys() == OUTCOMES, f"all bodies were too spoilt, or none enough: {outcomes}"
    return outcomes


async def _give(
    memory: Memory, symbol: str | None, table: Table, count: int, seed: str
) -> Counter[str]:
    """Give the parser so many bodies, and count what became of them."""
    adapter = venue_class(memory.venue)
    spoiler, outcomes = Spoiler(memory.bodies[table]), Counter[str]()
    accepted: list[pl.DataFrame] = []
    for number in range(count):
        memory.spoil(table, spoiler.body(f"{seed}/{number}"))
        try:
            with _processor_time():
                async with asyncio.timeout(MOST_SECONDS):
                    frame = await questions(symbol)[table](adapter(memory, lambda: NOW))
        except VenueError as error:
            if isinstance(error, UnexpectedError):
                named = f"{memory.venue} {table.name}, body of {seed}/{number}"
                raise AssertionError(named) from error
            outcomes["refused"] += 1
        except Exception as error:
            error.add_note(f"{memory.venue} {table.name}, body of seed {seed}/{number}")
            raise
        else:
            outcomes["accepted"] += 1
            accepted.append(frame.with_columns(venue=pl.lit(f"{seed}/{number}")))
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
