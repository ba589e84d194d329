"""How a good answer is spoilt: pure functions from bytes to bytes."""

from collections.abc import Callable
from typing import Any

import msgspec

from funding_platform.sandbox.faults import Body, FieldFault, Rows

_HTML = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"


def spoil(body: bytes, fault: Body | FieldFault | Rows) -> bytes:
    """The answer with one fault in it; a fault that finds nothing to spoil changes nothing."""
    if isinstance(fault, Body):
        return _BODIES[fault.action](body)
    try:
        document = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body
    if isinstance(fault, FieldFault):
        return msgspec.json.encode(_with_field(document, fault.field, _FIELDS[fault.action]))
    rows = _longest_list(document)
    rows[:] = _ROWS[fault.action](rows, fault.rows)
    return msgspec.json.encode(document)


def _mistyped(value: Any) -> Any:
    """A value of another JSON type."""
    return {"value": value} if isinstance(value, str) else str(value)


def _with_field(node: Any, name: str, change: Callable[[str, Any], dict[str, Any]]) -> Any:
    """A copy of a document in which every field of that name went through ``change``."""
    if isinstance(node, list):
        return [_with_field(item, name, change) for item in node]
    if not isinstance(node, dict):
        return node
    changed: dict[str, Any] = {}
    for key, value in node.items():
        changed |= change(key, value) if key == name else {key: _with_field(value, name, change)}
    return changed


def _longest_list(node: Any) -> list[Any]:
    """The longest list anywhere in a document: its rows."""
    if isinstance(node, dict):
        children = list(node.values())
    elif isinstance(node, list):
        children = node
    else:
        return []
    candidates = [_longest_list(child) for child in children]
    return max([children if isinstance(node, list) else [], *candidates], key=len)


_BODIES: dict[str, Callable[[bytes], bytes]] = {
    "truncate": lambda body: body[: len(body) // 2],
    "malform": lambda body: body[:-1] + b",,",
    "html": lambda body: _HTML,
}

_FIELDS: dict[str, Callable[[str, Any], dict[str, Any]]] = {
    "rename": lambda name, value: {f"{name}Renamed": value},
    "drop": lambda name, value: {},
    "null": lambda name, value: {name: None},
    "mistype": lambda name, value: {name: _mistyped(value)},
}

_ROWS: dict[str, Callable[[list[Any], int], list[Any]]] = {
    "duplicate": lambda rows, count: rows + rows[-count:],
    "reverse": lambda rows, count: rows[::-1],
    "drop_tail": lambda rows, count: rows[:-count],
}
