"""Whatever a venue may say, it ends in a valid frame or a typed error, soon and in little memory.

A few bodies per parser with every run of the tests; ``make fuzz`` gives 10^5 to each.
``FUZZ_EXAMPLES`` says how many, ``FUZZ_SEED`` draws others. A failure names the body by its seed.
"""

import os
import resource
import time
from collections.abc import Iterator

import pytest

from funding_platform.adapter_kit.memory import NOW
from funding_platform.adapter_kit.spoilt_answers import FEW, check_parser
from funding_platform.core.tables.schema import Table
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.venues.registry import venue_class, venue_names

MANY = int(os.environ.get("FUZZ_EXAMPLES", "100000"))
SEED = os.environ.get("FUZZ_SEED", "0")

MOST_MEMORY = 2**30
"""Bytes by which the process may grow over all the bodies of a parser."""

PARSERS = [(name, table) for name in venue_names() for table in venue_class(name).spec.offers]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(build_market(symbols=2, seed=3, now=NOW)) as running:
        yield running


@pytest.mark.sampled(14)
@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.fuzz)])
@pytest.mark.parametrize(("name", "table"), PARSERS, ids=lambda it: getattr(it, "name", it))
def test_any_body_ends_in_a_valid_frame_or_a_typed_error(
    sandbox: RunningSandbox, name: str, table: Table, count: int
) -> None:
    before, start = _peak_memory(), time.process_time()
    outcomes = check_parser(sandbox, name, table, count, SEED)
    seconds = time.process_time() - start
    print(f"{name} {table.name}: {count} bodies in {seconds:.0f} s of one core, {dict(outcomes)}")
    assert outcomes.total() == count
    assert _peak_memory() - before < MOST_MEMORY


def _peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
