"""Serving the tools: over the pipes of a child process, or over a socket of this machine."""

import asyncio
import socket
from types import ModuleType

from funding_platform.agents.errors import McpMissingError
from funding_platform.settings import Settings

HOST = "127.0.0.1"
"""Nobody is asked for a key here, so nobody else is served."""


def serve_stdio(settings: Settings) -> None:
    """Serve whoever started this process, over its standard input and output, until that ends.

    Raises
    ------
    McpMissingError
        If the package ``mcp`` is not installed.
    """
    server = _door().make_server(settings)

    async def served() -> None:
        from mcp.server.stdio import stdio_server

        async with stdio_server() as (said, told):
            await server.run(said, told, server.create_initialization_options())

    asyncio.run(served())


def serve_http(settings: Settings, opened: socket.socket) -> None:
    """Serve a socket by streamable HTTP at ``/mcp``, until SIGTERM or Ctrl-C.

    Every request stands for itself, so that nothing is kept of who has gone.

    Raises
    ------
    McpMissingError
        If the package ``mcp`` is not installed.
    """
    import uvicorn

    from funding_platform.service.protocol import BoundedProtocol

    app = (
        _door()
        .make_server(settings)
        .streamable_http_app(host=HOST, stateless_http=True, json_response=True)
    )
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, http=BoundedProtocol
    )
    with opened:
        uvicorn.Server(config).run(sockets=[opened])


def _door() -> ModuleType:
    """Import what speaks MCP.

    Raises
    ------
    McpMissingError
        If the package ``mcp`` is not installed.
    """
    try:
        from funding_platform.agents import door
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        raise McpMissingError(
            "the package mcp, which speaks to agents, is not installed",
            hint="pip install 'funding-platform[mcp]'",
        ) from error
    return door
