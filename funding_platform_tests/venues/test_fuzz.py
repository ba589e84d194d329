"""Whatever a venue may say, it ends in a valid frame or a typed error, soon and in little memory.

``make fuzz`` runs this for long; ``FUZZ_EXAMPLES`` says how many bodies each venue is given.
"""

import asyncio
import os
import resource
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funding_platform.lake.validation import validate
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.venues.errors import VenueError
from funding_platform.venues.registry import venue_class, venue_names
from funding_platform_tests.venues.fuzzing import NOW, Body, learn, questions, spoilt

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "200"))
MOST_SECONDS = 5.0
"""For one body: a hang, not a slow machine."""

MOST_MEMORY = 2**30
"""Bytes by which the process may grow over all the bodies of a venue."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(build_market(symbols=2, seed=3, now=NOW)) as running:
        yield running


@pytest.mark.fuzz
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@pytest.mark.parametrize("name", venue_names())
def test_any_body_ends_in_a_valid_frame_or_a_typed_error(
    sandbox: RunningSandbox, name: str
) -> None:
    kind = venue_class(name)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with asyncio.Runner() as runner:
        memory, symbol = runner.run(learn(name, sandbox.url_of(name), lambda: NOW))
        asked = {
            table.name: (table, ask)
            for table, ask in questions(symbol).items()
            if table in kind.spec.offers
        }

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=EXAMPLES <= 200,
            suppress_health_check=list(HealthCheck),
        )
        @given(body=spoilt(memory.bodies), name=st.sampled_from(list(asked)))
        def fuzz(body: Body, name: str) -> None:
            memory.spoil(body)
            table, ask = asked[name]
            try:
                answer = ask(kind(memory, lambda: NOW))
                frame = runner.run(asyncio.wait_for(answer, MOST_SECONDS))
            except VenueError:
                return
            validate(table, frame)

        fuzz()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) * 1024 < MOST_MEMORY
