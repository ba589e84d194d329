"""What a message must be like by the service's own AsyncAPI document."""

from typing import Any, Final

from jsonschema import Draft202012Validator

from funding_platform.service.streams.described import asyncapi

_DOCUMENT: Final = asyncapi()
_MESSAGES: Final = _DOCUMENT["components"]["messages"]

TYPES: Final = frozenset(
    (
        "subscribe",
        "unsubscribe",
        "subscribed",
        "snapshot",
        "changes",
        "heartbeat",
        "error",
        "closing",
    )
)
"""Of all messages that there are, by what they are called on the wire."""

_VALIDATORS: Final = {
    name: Draft202012Validator({**_DOCUMENT, **message["payload"]})
    for name, message in _MESSAGES.items()
}


def faults_of(message: Any) -> list[str]:
    """What a message has that is not declared, or lacks that is."""
    if not isinstance(message, dict) or message.get("type") not in _VALIDATORS:
        return ["it is of no type that is declared"]
    faults = _VALIDATORS[message["type"]].iter_errors(message)
    return [f"{fault.json_path}: {fault.message}" for fault in faults]


def require_declared(message: Any) -> None:
    assert not (faults := faults_of(message)), (str(message)[:200], faults[0][:500])
