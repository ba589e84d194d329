"""What Schemathesis has to be told of the service's media types; it imports this by itself."""

import json
from typing import Any

import schemathesis


@schemathesis.deserializer("application/x-ndjson")
def rows(_: Any, response: Any) -> list[Any]:
    """A row is a line."""
    return [json.loads(line) for line in response.content.splitlines()]
