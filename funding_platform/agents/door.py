"""The tools over MCP: listed with what they say of themselves, called, refused in words."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, Final

import msgspec
from fastapi.exceptions import RequestValidationError
from mcp import types
from mcp.server import Server, ServerRequestContext
from pydantic import BaseModel, ValidationError

from funding_platform.agents.errors import ArgumentsError, UnknownToolError
from funding_platform.agents.tools import TOOLS, Tool
from funding_platform.core.errors import FundingError
from funding_platform.core.validation_errors import did_you_mean
from funding_platform.service.formats import JSON, encoded, envelope
from funding_platform.service.problems import problem_of_request
from funding_platform.service.reader import Readers, Sources
from funding_platform.settings import Settings

_LOG = logging.getLogger(__name__)

INSTRUCTIONS: Final = """\
Funding rates of perpetual futures: what they are, were, and may earn. Nothing can be changed here.
Rates are fractions of notional, positive where longs pay shorts; the unit of every field is in its
description. A value that is null is unknown, never 0. Every answer tells as of when it is (as_of),
how old that is (data_age_seconds), and whether these are all rows (complete).
"""

READS: Final = types.ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
"""Of every tool."""

_BY_NAME: Final = {tool.name: tool for tool in TOOLS}


def make_server(settings: Settings) -> Server[Any]:
    """Make the server of the tools, over the lake and the board that settings name."""
    readers = Readers(settings)

    @asynccontextmanager
    async def running(_: Server[Any]) -> AsyncIterator[None]:
        yield
        readers.close()

    async def call(
        _: ServerRequestContext[Any], asked: types.CallToolRequestParams
    ) -> types.CallToolResult:
        try:
            tool = _named(asked.name)
            wanted = _arguments(tool, asked.arguments or {})
            told = await readers.ask(lambda sources: _told(tool, sources, wanted))
        except FundingError as error:
            return _refused(str(error))
        except Exception:  # noqa: BLE001 - nothing of the inside is told, nor does the door close
            _LOG.exception("the tool %s failed", asked.name)
            return _refused("this is a bug in funding-platform; the log of the server has it")
        return types.CallToolResult(
            content=[types.TextContent(text=told.decode())],
            structured_content=msgspec.json.decode(told),
        )

    return Server(
        "funding-platform",
        version=version("funding-platform"),
        instructions=INSTRUCTIONS,
        lifespan=running,
        on_list_tools=_listed,
        on_call_tool=call,
    )


async def _listed(
    _: ServerRequestContext[Any], asked: types.PaginatedRequestParams | None
) -> types.ListToolsResult:
    return types.ListToolsResult(
        tools=[
            types.Tool(
                name=tool.name,
                title=tool.title,
                description=tool.text,
                input_schema=tool.input_schema,
                output_schema=tool.output_schema,
                annotations=READS,
            )
            for tool in TOOLS
        ]
    )


def _named(name: str) -> Tool:
    if name not in _BY_NAME:
        meant = did_you_mean(name, _BY_NAME)
        raise UnknownToolError(
            f"there is no tool {name!r}{meant}", hint=f"there are {', '.join(_BY_NAME)}"
        )
    return _BY_NAME[name]


def _arguments(tool: Tool, stated: dict[str, Any]) -> Any:
    """Read the arguments of a tool.

    Raises
    ------
    ArgumentsError, FilterError
        If they cannot be meant; it names each that is at fault.
    """
    try:
        return tool.asked.model_validate(stated)
    except ValidationError as error:
        faults = [{**fault, "loc": ("arguments", *fault["loc"])} for fault in error.errors()]
        problem = problem_of_request(RequestValidationError(faults), tool.asked.model_fields)
        raise ArgumentsError(
            problem.message, hint=f"the input schema of {tool.name} has every argument"
        ) from error


def _told(tool: Tool, sources: Sources, wanted: BaseModel) -> bytes:
    answer = tool.answer(sources, wanted)  # type: ignore[arg-type]  # each has a limit
    return encoded(answer, JSON, envelope(answer, sources.snapshot, sources.now))


def _refused(text: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=text)], is_error=True)
