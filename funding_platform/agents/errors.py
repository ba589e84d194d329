"""What can go wrong at the door for agents, beyond what a question meets.

AgentsError
├── McpMissingError   the package that speaks MCP is not installed
├── UnknownToolError  a tool was called that there is not
└── ArgumentsError    arguments of a tool cannot be meant
"""

from funding_platform.core.errors import FundingError


class AgentsError(FundingError):
    """An agent cannot be served."""


class McpMissingError(AgentsError):
    """The package that speaks MCP is not installed."""


class UnknownToolError(AgentsError):
    """There is no tool of that name."""


class ArgumentsError(AgentsError):
    """Arguments of a tool cannot be meant; the message names each that is at fault."""
