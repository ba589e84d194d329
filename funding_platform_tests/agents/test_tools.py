"""The tools as a client of MCP sees them: declared, bounded, explained, and only reading."""

import asyncio
import hashlib
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator
from mcp import Client, types

from funding_platform import agents
from funding_platform.agents.asked import MOST_ROWS
from funding_platform.agents.door import make_server
from funding_platform.agents.errors import McpMissingError
from funding_platform.agents.serving import serve_stdio
from funding_platform.agents.tools import TOOLS
from funding_platform.arbitrage import OpportunityFilter
from funding_platform.flows.queries import open_lake, ranked_opportunities, snapshot_of
from funding_platform.lake.errors import LakeError
from funding_platform.service.reader import Readers, Sources
from funding_platform.settings import Settings

CALLS: Final[Mapping[str, Mapping[str, Any]]] = {
    "find_opportunities": {"min_divergence_8h": 0.0, "limit": 3},
    "explain_opportunity": {"base": "BTC", "long_venue": "", "short_venue": ""},
    "current_rates": {"base": "BTC", "include_metadata": True},
    "rate_history": {
        "venue": "hyperliquid",
        "symbol": "BTC",
        "start": "2025-03-01",
        "end": "2025-03-05",
        "statistics": True,
    },
    "rate_statistics": {"base": "BTC", "period": "7d"},
    "term_structure": {"base": "BTC", "at": "2025-03-05T04:00"},
    "coverage": {},
    "venues": {},
    "backtests": {"run_id": "latest"},
}
"""A call of every tool; the legs of the pair are filled in from the lake."""


def talk(settings: Settings, *calls: tuple[str, Mapping[str, Any]]) -> list[types.CallToolResult]:
    """Call tools one after another, in this process."""

    async def talked() -> list[types.CallToolResult]:
        async with Client(make_server(settings)) as client:
            return [await client.call_tool(name, dict(stated)) for name, stated in calls]

    return asyncio.run(talked())


def told(result: types.CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    found: dict[str, Any] = result.structured_content
    return found


def refusal(result: types.CallToolResult) -> str:
    assert result.is_error
    (block,) = result.content
    assert isinstance(block, types.TextContent)
    return block.text


def best_pair(settings: Settings) -> dict[str, Any]:
    with open_lake(settings) as lake:
        return ranked_opportunities(lake, OpportunityFilter(bases=("BTC",), limit=1)).row(
            0, named=True
        )


def every_call(settings: Settings) -> list[tuple[str, Mapping[str, Any]]]:
    pair = best_pair(settings)
    legs = {name: pair[name] for name in ("long_venue", "short_venue")}
    return [(name, legs | {**stated} | legs) if name == "explain_opportunity" else (name, stated)
            for name, stated in CALLS.items()]  # fmt: skip


def digests(folder: Path) -> dict[str, str]:
    """Every file with what is in it; SQLite's index of readers is no content."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.name.endswith("-shm")
    }


def test_every_tool_says_that_it_only_reads_and_what_its_fields_are(
    lake_settings: Settings,
) -> None:
    async def listed() -> list[types.Tool]:
        async with Client(make_server(lake_settings)) as client:
            return (await client.list_tools()).tools

    tools = asyncio.run(listed())
    assert {tool.name for tool in tools} == CALLS.keys()
    for tool in tools:
        assert tool.annotations == types.ToolAnnotations(
            read_only_hint=True,
            destructive_hint=False,
            idempotent_hint=True,
            open_world_hint=False,
        )
        assert tool.input_schema["additionalProperties"] is False
        for name, field in tool.input_schema["properties"].items():
            assert field["description"], (tool.name, name)
        assert tool.input_schema["properties"]["limit"]["maximum"] == MOST_ROWS
        assert tool.output_schema is not None
        row = tool.output_schema["properties"]["data"]["items"]["properties"]
        for name, field in row.items():
            if name.endswith(("_bps", "_apr", "_8h", "_usd", "_hours")):
                assert "Unit: " in field["description"], (tool.name, name)


@pytest.mark.world
def test_no_tool_changes_anything(lake_settings: Settings) -> None:
    calls = every_call(lake_settings)
    with open_lake(lake_settings) as lake:
        before = snapshot_of(lake)
    files = digests(lake_settings.data_dir)
    assert files
    for (name, _), result in zip(calls, talk(lake_settings, *calls), strict=True):
        assert told(result)["snapshot"] == before, name
        assert told(result)["data"], name
    assert digests(lake_settings.data_dir) == files
    with open_lake(lake_settings) as lake:
        assert snapshot_of(lake) == before


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM core.instruments",
        "INSERT INTO core.fee_overrides (venue) VALUES ('binance')",
        "UPDATE execution.positions SET base = 'X'",
        "CREATE TABLE core.mine (a INTEGER)",
        "DROP TABLE features.curve_snapshots",
    ],
)
def test_what_tools_ask_through_cannot_write(lake_settings: Settings, statement: str) -> None:
    readers = Readers(lake_settings)

    def written(sources: Sources) -> None:
        sources.lake.execute(statement)

    with pytest.raises(LakeError, match="attached in read-only mode"):
        asyncio.run(readers.ask(written))
    readers.close()


def test_every_answer_is_as_declared_and_no_longer_than_asked(lake_settings: Settings) -> None:
    schemas = {tool.name: tool.output_schema for tool in TOOLS}
    calls = [*every_call(lake_settings), ("rate_history", {**CALLS["rate_history"], "limit": 2})]
    calls += [(name, {**stated, "limit": 1}) for name, stated in calls if name != "backtests"]
    for (name, stated), result in zip(calls, talk(lake_settings, *calls), strict=True):
        answer = told(result)
        faults = [*Draft202012Validator(schemas[name]).iter_errors(answer)]
        assert not faults, (name, faults[0].message, faults[0].json_path)
        assert answer["rows"] == len(answer["data"])
        assert answer["rows"] <= stated.get("limit", MOST_ROWS)
        if stated.get("limit") == 1 and name != "explain_opportunity":
            assert answer["complete"] is False, name


def test_a_pair_is_explained_in_words_at_the_size_that_was_asked(lake_settings: Settings) -> None:
    pair = best_pair(lake_settings)
    asked = {"base": "BTC", "long_venue": pair["long_venue"], "short_venue": pair["short_venue"]}
    (result, other) = talk(
        lake_settings,
        ("explain_opportunity", {**asked, "size_usd": 123_456}),
        (
            "explain_opportunity",
            {**asked, "long_venue": pair["short_venue"], "short_venue": pair["long_venue"]},
        ),
    )
    (row,) = told(result)["data"]
    assert row["words"].startswith(f"BTC: long {pair['long_venue']}")
    assert "impact of 123,456 USD" in row["words"]
    assert row["size_usd"] == 123_456
    assert "the other way round it may be one" in refusal(other)


def test_pages_of_a_history_follow_each_other(lake_settings: Settings) -> None:
    asked = {**CALLS["rate_history"], "limit": 50}
    (first,) = talk(lake_settings, ("rate_history", asked))
    page = told(first)
    (second,) = talk(lake_settings, ("rate_history", {**asked, "cursor": page["next_cursor"]}))
    times = [row["funding_time"] for row in page["data"] + told(second)["data"]]
    assert times == sorted(set(times))
    assert len(times) == page["statistics"]["settlements"] == 96


def test_what_is_wrong_is_said_in_words(lake_settings: Settings) -> None:
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("current_rates", {"vnue": "okx"}, "vnue: there is no such parameter; did you mean venue?"),
        ("current_rates", {"limit": 201}, "limit: input should be less than or equal to 200"),
        ("current_rates", {"venue": "binanc"}, "did you mean binance?"),
        ("find_opportunities", {"bsaes": ["BTC"]}, "bsaes: there is no such field"),
        ("find_opportunities", {"horizon": "2d"}, "horizon"),
        ("rate_history", {"venue": "okx"}, "symbol: is required"),
        ("rate_history", {"venue": "okx", "symbol": "BTC", "period": "1y"}, "is no period"),
        ("term_structure", {"base": "ETH"}, "ETH stands for"),
        ("term_structure", {"base": "BTC", "at": "2020-01-01"}, "at: no usable curve of BTC"),
        ("term_structure", {"base": "BTC", "at": "2025-03-05", "source": "live"}, "no past"),
        ("backtests", {"run_id": "none"}, "no backtest 'none' is stored"),
        ("current_rates", {"source": "live"}, "the live collector is not running"),
    ]
    results = talk(lake_settings, *((name, stated) for name, stated, _ in wrong))
    for (_, _, words), result in zip(wrong, results, strict=True):
        assert words in refusal(result)
        assert "hint: " in refusal(result)

    (unknown,) = talk(lake_settings, ("find", {}))
    assert "there is no tool 'find'" in refusal(unknown)


def test_of_a_bug_nothing_is_told(
    lake_settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("secret")

    monkeypatch.setattr("funding_platform.agents.tools.Tool.answer", broken)
    with caplog.at_level(logging.ERROR):
        (result,) = talk(lake_settings, ("coverage", {}))
    assert refusal(result).startswith("this is a bug in funding-platform")
    assert "secret" in caplog.text


def test_without_the_package_it_is_said_how_to_have_it(
    lake_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(agents, "door")
    monkeypatch.delitem(sys.modules, "funding_platform.agents.door")
    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(McpMissingError, match=r"pip install 'funding-platform\[mcp\]'"):
        serve_stdio(lake_settings)
