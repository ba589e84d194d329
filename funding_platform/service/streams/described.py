"""The streams as an AsyncAPI document, made of what encodes and decodes their messages."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final, get_args

import msgspec

from funding_platform.core.tables.features.curves import CURVE_SNAPSHOTS
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.core.tables.schema import Column
from funding_platform.flows.queries.rates.market import CURRENT_RATES
from funding_platform.service.formats import JSON, row_schema
from funding_platform.service.streams.events import EVENTS
from funding_platform.service.streams.messages import Changes, Channel, Message, Request, Snapshot

ROWS: Final[Mapping[Channel, Sequence[Column]]] = {
    "funding_rates": CURRENT_RATES,
    "opportunities": OPPORTUNITIES.columns,
    "curves": CURVE_SNAPSHOTS.columns,
    "events": EVENTS,
}
"""What the rows of a channel have."""

_REFERENCE: Final = "#/components/schemas/{name}"

_ADDRESSES: Final = {
    "everything": ("/api/v1/ws", "A WebSocket that is told what to follow."),
    "funding_rates": ("/ws/funding-rates", "A WebSocket that follows funding_rates at once."),
    "opportunities": ("/ws/opportunities", "A WebSocket that follows opportunities at once."),
    "server_sent_events": (
        "/api/v1/stream",
        "Server-sent events; what is followed is in the query, which OpenAPI describes. The type "
        "of a message is its event, its id is for Last-Event-ID.",
    ),
}


def asyncapi() -> dict[str, Any]:
    """Describe every message of every stream, as AsyncAPI 3.0."""
    said, told = get_args(Request), get_args(Message)
    messages = {_tag(kind): _message(kind) for kind in (*said, *told)}
    channels, operations = {}, {}
    for name, (address, text) in _ADDRESSES.items():
        heard = () if name == "server_sent_events" else said
        channels[name] = {
            "address": address,
            "description": text,
            "messages": {
                _tag(kind): {"$ref": f"#/components/messages/{_tag(kind)}"}
                for kind in (*heard, *told)
            },
        }
        operations[f"tell_{name}"] = _operation("send", name, told)
        if heard:
            operations[f"hear_{name}"] = _operation("receive", name, heard)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Streams of funding-platform",
            "version": version("funding-platform"),
            "description": "First a snapshot of each channel that is followed, then what changes. "
            "Rows are those of the REST answer of the channel, with the same units; what is not "
            "known is null.",
        },
        "defaultContentType": JSON,
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": _schemas((*said, *told))},
    }


def _operation(action: str, channel: str, kinds: Sequence[type]) -> dict[str, Any]:
    """Say that the service sends or receives messages over a channel."""
    where = f"#/channels/{channel}"
    return {
        "action": action,
        "channel": {"$ref": where},
        "messages": [{"$ref": f"{where}/messages/{_tag(kind)}"} for kind in kinds],
    }


def _message(kind: type) -> dict[str, Any]:
    return {
        "name": _tag(kind),
        "summary": str(kind.__doc__).partition("\n")[0],
        "contentType": JSON,
        "payload": {"$ref": _REFERENCE.format(name=kind.__name__)},
    }


def _schemas(kinds: Sequence[type]) -> dict[str, Any]:
    """Declare the messages, and the rows of those that have rows."""
    _, declared = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
    rows = {f"Row_{channel}": row_schema(columns) for channel, columns in ROWS.items()}
    for kind in (Snapshot, Changes):
        fields = declared[kind.__name__]
        fields["oneOf"] = [_of_channel(channel) for channel in ROWS]
    return {**declared, **rows}


def _of_channel(channel: Channel) -> dict[str, Any]:
    row = {"$ref": _REFERENCE.format(name=f"Row_{channel}")}
    return {"properties": {"channel": {"const": channel}, "data": {"type": "array", "items": row}}}


def _tag(kind: type) -> str:
    """Return what a message of a kind has as its type."""
    return str(kind.__struct_config__.tag)  # type: ignore[attr-defined]  # of every Struct
