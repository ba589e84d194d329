"""Several processes, one venue that enforces its limits: nobody is ever refused."""

import asyncio
from collections.abc import Iterator
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from funding_platform.local.cluster.servers import Postgres
from funding_platform.sandbox.faults import Latency, Status
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform.venues import open_venue
from funding_platform.venues.adapters.okx.rest import OPEN_INTEREST
from funding_platform.venues.errors import BannedError, BreakerOpenError, VenueError
from funding_platform.venues.rest import breaker
from funding_platform_tests.servers.local import started
from funding_platform_tests.venues.server import Answer, serve

SPAWN = get_context("spawn")
PROCESSES = 3
EACH = 10

_NUMBERS = count()


@pytest.fixture(scope="module")
def strict() -> Iterator[RunningSandbox]:
    with running_sandbox(build_market(symbols=3), enforce_limits=True) as running:
        yield running


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with started(Postgres) as server:
        yield server


@pytest.fixture(params=["file", pytest.param("postgres", marks=pytest.mark.cluster)])
def machines(
    request: pytest.FixtureRequest, strict: RunningSandbox, tmp_path: Path
) -> list[Settings]:
    """Settings of processes that share: of one machine, or of machines with a database."""
    if request.param == "file":
        return [settings_for(strict, tmp_path)] * PROCESSES
    server: Postgres = request.getfixturevalue("postgres")
    url = server.database(f"state{next(_NUMBERS)}")
    return [
        settings_for(strict, tmp_path / str(machine)).model_copy(
            update={"state_url": SecretStr(url)}
        )
        for machine in range(PROCESSES)
    ]


def settings_for(sandbox: RunningSandbox, data_dir: Path) -> Settings:
    return Settings(data_dir=data_dir, venue_urls=sandbox.venue_urls)


def ask_often(settings: Settings, failures: Any) -> None:
    """Eight requests at a time, of which OKX allows ten in two seconds."""

    async def run() -> None:
        async with open_venue("okx", settings=settings) as venue:
            waiting = iter(range(EACH))

            async def worker() -> None:
                for _ in waiting:
                    await venue.fetch(OPEN_INTEREST, {"instType": "SWAP"})

            await asyncio.gather(*(worker() for _ in range(8)))

    try:
        asyncio.run(run())
    except VenueError as error:
        failures.put(str(error))


@pytest.mark.world
@pytest.mark.parametrize("latency", [None, Latency(seconds=0.0, up_to_seconds=0.4)])
def test_processes_that_share_a_budget_are_never_refused(
    strict: RunningSandbox, machines: list[Settings], latency: Latency | None
) -> None:
    if latency is not None:
        strict.inject(latency)
    before = strict.stats().get("okx", {}).get(OPEN_INTEREST.path, {"requests": 0})
    failures = SPAWN.Queue()
    others = [SPAWN.Process(target=ask_often, args=(one, failures)) for one in machines]
    for process in others:
        process.start()
    for process in others:
        process.join()
    strict.clear()
    after = strict.stats()["okx"][OPEN_INTEREST.path]
    assert failures.empty()
    assert [process.exitcode for process in others] == [0] * PROCESSES
    assert after["requests"] - before["requests"] == PROCESSES * EACH
    assert after["refused"] == 0


def fetch_in_a_process(settings: Settings, found: Any) -> None:
    async def run() -> None:
        async with open_venue("okx", settings=settings) as venue:
            await venue.fetch(OPEN_INTEREST, {"instType": "SWAP"})

    try:
        asyncio.run(run())
    except VenueError as error:
        found.put((type(error).__name__, str(error)))


def outcome_elsewhere(settings: Settings) -> tuple[str, str]:
    found = SPAWN.Queue()
    other = SPAWN.Process(target=fetch_in_a_process, args=(settings, found))
    other.start()
    other.join()
    name, text = found.get(timeout=300)
    return str(name), str(text)


@pytest.mark.world
@pytest.mark.parametrize("status", [403, 418])
def test_a_ban_stops_every_process_at_once(
    strict: RunningSandbox, machines: list[Settings], status: int
) -> None:
    settings, elsewhere, *_ = machines
    strict.inject(Status(status=status, retry_after=3_600, venue="okx"))

    async def be_banned() -> None:
        async with open_venue("okx", settings=settings) as venue:
            await venue.fetch(OPEN_INTEREST, {"instType": "SWAP"})

    with pytest.raises(BannedError, match=f"HTTP {status}"):
        asyncio.run(be_banned())
    strict.clear()
    asked = strict.stats()["okx"][OPEN_INTEREST.path]["requests"]
    name, text = outcome_elsewhere(elsewhere)
    assert name == "BannedError"
    assert f"HTTP {status}" in text
    assert "banned until" in text
    assert strict.stats()["okx"][OPEN_INTEREST.path]["requests"] == asked


@pytest.mark.world
def test_an_outage_opens_the_breaker_for_every_process(
    strict: RunningSandbox, machines: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "COOL_DOWN_SECONDS", 80.0)  # longer is forgotten as senseless
    settings, elsewhere, *_ = machines
    strict.inject(Status(status=503, venue="okx"))

    async def fail_until_open() -> int:
        async with open_venue("okx", settings=settings) as venue:
            for _ in range(100):
                try:
                    await venue.fetch(OPEN_INTEREST, {"instType": "SWAP"})
                except BreakerOpenError:
                    return venue.stats.requests
                except VenueError:
                    continue
        pytest.fail("never opened")

    assert asyncio.run(fail_until_open()) == 25
    strict.clear()
    name, text = outcome_elsewhere(elsewhere)
    assert name == "BreakerOpenError"
    assert "HTTP 503" in text


def test_a_ban_meets_those_who_wait_for_their_budget() -> None:
    """Nobody who has waited minutes for the budget may then walk into the ban."""

    async def run() -> tuple[int, list[BaseException | None]]:
        async with (
            serve({OPEN_INTEREST.path: [Answer(b"", 418, {"Retry-After": "60"})]}) as router,
            open_venue("okx", router.url, settings=Settings()) as venue,
        ):
            results = await asyncio.gather(
                *(venue.fetch(OPEN_INTEREST) for _ in range(12)), return_exceptions=True
            )
            return len(router.requests), [one for one in results if isinstance(one, Exception)]

    requests, errors = asyncio.run(run())
    assert requests == 10
    assert [type(error) for error in errors] == [BannedError] * 12
