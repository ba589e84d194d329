"""`funding mcp` as agents start it: a child that is spoken to through pipes, and a socket."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from funding_platform.agents.tools import TOOLS
from funding_platform.settings import Settings

FUNDING = str(Path(sys.executable).with_name("funding"))


def environment(settings: Settings) -> dict[str, str]:
    return {**os.environ, "FUNDING_DATA_DIR": str(settings.data_dir), "FUNDING_LIVE": "false"}


async def conversation(client: Client) -> dict[str, Any]:
    """List the tools, call one, and return what it told."""
    listed = (await client.list_tools()).tools
    assert [tool.name for tool in listed] == [tool.name for tool in TOOLS]
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in listed)
    assert client.instructions is not None
    assert "fractions of notional" in client.instructions
    result = await client.call_tool("current_rates", {"base": "BTC", "venue": "hyperliquid"})
    assert not result.is_error, result.content
    found: dict[str, Any] = result.structured_content
    assert json.loads(result.content[0].text) == found  # type: ignore[union-attr]
    return found


@pytest.mark.parametrize("mode", ["auto", pytest.param("legacy", marks=pytest.mark.world)])
def test_a_child_is_spoken_to_through_its_pipes(lake_settings: Settings, mode: str) -> None:
    child = StdioServerParameters(command=FUNDING, args=["mcp"], env=environment(lake_settings))

    async def talked() -> dict[str, Any]:
        async with Client(stdio_client(child), mode=mode) as client:
            return await conversation(client)

    assert asyncio.run(talked())["data"][0]["venue"] == "hyperliquid"


@pytest.fixture(scope="module")
def address(lake_settings: Settings) -> Iterator[str]:
    with subprocess.Popen(
        [FUNDING, "mcp", "--http", "--port", "0"],
        env=environment(lake_settings),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert said.startswith("tools for agents at http://127.0.0.1:"), said
        yield said.split()[-1]
        process.send_signal(signal.SIGTERM)
        assert "Traceback" not in process.communicate()[1]


@pytest.mark.parametrize("mode", ["auto", pytest.param("legacy", marks=pytest.mark.world)])
def test_a_socket_is_spoken_to_by_streamable_http(address: str, mode: str) -> None:
    async def talked() -> dict[str, Any]:
        async with Client(address, mode=mode) as client:
            return await conversation(client)

    assert asyncio.run(talked())["data"][0]["venue"] == "hyperliquid"


def test_pages_of_elsewhere_reach_no_tool(address: str) -> None:
    """A name that leads here, and a script of another origin, are refused."""
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accepted = {"Accept": "application/json, text/event-stream"}
    for header, status in ({"Host": "evil.example"}, 421), ({"Origin": "http://evil.example"}, 403):
        response = httpx.post(address, json=asked, headers={**accepted, **header})
        assert response.status_code == status
    assert httpx.get(address.removesuffix("/mcp")).status_code == 404
