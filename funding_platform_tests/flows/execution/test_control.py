"""The control server: the token, what it shows, what it passes on, and that it opens nothing."""

import asyncio
import json
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from funding_platform.execution.commands import NAMES, Commands
from funding_platform.execution.pair.pairs import PairState
from funding_platform.flows.execution.control import ControlPortError, control_server
from funding_platform.flows.execution.running import Desk
from funding_platform.settings import Settings
from funding_platform_tests.execution.cycle.paper_desk import PaperVenues, config, desk, given
from funding_platform_tests.execution.cycle.test_trader import CARRY, OFFERED, ROWS


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[Desk, httpx.AsyncClient]]:
    venues = PaperVenues()
    venues.list_(ROWS)
    async with desk(folder, venues, given(ROWS, OFFERED), config(CARRY)) as made:
        await made.reconciler.reconcile()
        await made.trader.cycle()
        async with control_server(Settings(data_dir=folder), made.store, 0) as address:
            token = (folder / "execution" / "control.token").read_text()
            shown = {"Authorization": f"Bearer {token}"}
            assert address is not None
            async with httpx.AsyncClient(base_url=address, headers=shown) as client:
                yield made, client


def test_nobody_without_the_token_sees_or_asks_anything(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (made, client):
            for header in ({"Authorization": ""}, {"Authorization": "Bearer guessed"}):
                for path in ("/snapshot", "/stream", "/commands/1"):
                    assert (await client.get(path, headers=header)).status_code == 401
                asked = await client.post("/commands", json={"name": "halt"}, headers=header)
                assert asked.status_code == 401
            assert not made.store.halted().halted
            assert not made.store.commands()

    asyncio.run(scenario())
    mode = (tmp_path / "execution" / "control.token").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_snapshot_shows_pairs_events_and_the_halt(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (made, client):
            shown = (await client.get("/snapshot")).json()
            assert shown["picture"]["totals"]["pairs"] == 1
            assert shown["halted"] is None
            assert "open" in {one["kind"] for one in shown["events"]}
            made.store.halt("the wind turns", "ann")
            assert (await client.get("/snapshot")).json()["halted"] == "the wind turns"

    asyncio.run(scenario())


def test_a_stream_tells_what_changes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (made, client):
            seen: list[str | None] = []
            async with client.stream("GET", "/stream") as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                async for line in answer.aiter_lines():
                    if line.startswith("data: "):
                        seen.append(json.loads(line.removeprefix("data: "))["halted"])
                        made.store.halt("seen", "ann")
                        if len(seen) == 2:
                            break
            assert seen == [None, "seen"]

    asyncio.run(asyncio.wait_for(scenario(), timeout=60))


def test_commands_are_handed_in_carried_out_and_audited(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (made, client):
            (pair,) = made.trader.journal.pairs(PairState.OPEN)
            told = {"name": "close", "arguments": {"pair_id": pair.pair_id}}
            answer = await client.post("/commands", json=told)
            assert answer.status_code == 202
            number = answer.json()["command_id"]
            assert (await client.get(f"/commands/{number}")).json()["state"] == "asked"
            await Commands(made.trader, made.reconciler).carry_out()
            done = (await client.get(f"/commands/{number}")).json()
            assert done["state"] == "done"
            assert done["outcome"].startswith(f"{pair.pair_id} is closed")
            halted = await client.post("/commands", json={"name": "halt"})
            assert halted.status_code == 202
            assert made.store.halted().halted  # at once, before anybody carries it out
            kinds = [one.kind for one in made.store.events()]
            assert kinds.count("command_asked") == 2
            assert (await client.get("/commands/999")).status_code == 404

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "open", "arguments": {"base": "BTC"}}',
        b'{"name": "place"}',
        b"{}",
        b"[]",
        b"no json",
        b'{"name": "close", "arguments": []}',
        b"{" + b" " * 20_000 + b"}",
    ],
)
def test_what_is_no_command_is_refused_and_nothing_is_written(tmp_path: Path, body: bytes) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (made, client):
            assert (await client.post("/commands", content=body)).status_code == 400
            assert not made.store.commands()

    asyncio.run(scenario())


def test_no_command_opens_anything() -> None:
    assert set(NAMES) == {"close", "close_all", "halt", "resume", "set_limits", "reconcile"}


def test_a_port_that_is_taken_is_said_with_what_to_do(tmp_path: Path) -> None:
    async def scenario(port: int) -> None:
        venues = PaperVenues()
        venues.list_(ROWS)
        settings = Settings(data_dir=tmp_path)
        async with (
            desk(tmp_path, venues, given(ROWS, ()), config(CARRY)) as made,
            control_server(settings, made.store, port),
        ):
            pytest.fail("two servers on one port")

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ControlPortError, match="control_port"):
            asyncio.run(scenario(port))
