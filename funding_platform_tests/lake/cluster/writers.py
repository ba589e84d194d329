"""Processes that replace partitions of one lake as fast as they can, some of which are killed."""

import json
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.lake.conftest import january_of, rates

SYMBOLS, HOURS = 2, 12
ROWS = SYMBOLS * HOURS
"""Of each partition, whoever wrote it: more than DuckLake keeps in the catalog."""


def write(settings: Settings, writer: int, venues: list[str], log: Path) -> None:
    """Replace each partition in turn; a line of the log for each commit: venue, rate, seconds."""
    with log.open("a", encoding="utf-8", buffering=1) as said, Lake(settings) as lake:
        for turn, venue in enumerate(venues):
            rate = (writer * 10_000 + turn + 1) / 1e9
            frame = rates(venue, symbols=SYMBOLS, hours=HOURS, rate=rate)
            begun = time.monotonic()
            with lake.commit(f"{writer}", venue, tables=(FUNDING_RATES,)) as tx:
                tx.replace(FUNDING_RATES, frame, january_of(venue))
            said.write(json.dumps([venue, rate, time.monotonic() - begun]) + "\n")


def schedule(races: int, writers: int, seed: int) -> Iterator[list[str]]:
    """Yield for each writer the partitions that it replaces: the same ones, nearly in step.

    Half of them are written for the first time by whoever comes first, the others again.
    """
    luck = random.Random(seed)
    fresh = [f"v{number}" for number in range(races)]
    turns = [luck.choice(fresh[: max(1, n)]) if n % 2 else fresh[n] for n in range(races)]
    for _ in range(writers):
        yield turns


if __name__ == "__main__":
    write(Settings(), int(sys.argv[1]), json.loads(sys.argv[2]), Path(sys.argv[3]))
