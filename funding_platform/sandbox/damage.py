"""How a good answer is spoilt: pure functions from bytes to bytes."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from funding_platform.sandbox.faults import Body, FieldFault, Rows

SHIFT: Final = timedelta(hours=8)
"""How wrong a clock is that shows the time of Singapore for UTC."""

_UNITS: Final = (10**11, 10**14, 10**17)
"""Stamps of our time lie below the first in seconds, then in milli-, micro- and nanoseconds."""

_OPPOSITE: Final = {"long": "short", "short": "long"}
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:")
_HTML = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"


def spoil(body: bytes, fault: Body | FieldFault | Rows) -> bytes:
    """Put one fault into an answer; a fault that finds nothing to spoil changes nothing."""
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
    """Give a value another JSON type."""
    return {"value": value} if isinstance(value, str) else str(value)


def _number(change: Callable[[Decimal], Decimal]) -> Callable[[str, Any], dict[str, Any]]:
    """Make a function that changes a number and keeps its JSON type; all else stays as it is."""

    def changed(name: str, value: Any) -> dict[str, Any]:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return {name: value}
        try:
            number = change(Decimal(str(value)))
        except InvalidOperation:
            return {name: value}
        return {name: f"{number:f}" if isinstance(value, str) else type(value)(number)}

    return changed


def _unit(stamp: Decimal) -> int:
    """Tell how many units of the stamp a second has."""
    return int(1000 ** sum(abs(stamp) >= bound for bound in _UNITS))


def _time(
    of_number: Callable[[Decimal], Decimal], of_text: Callable[[datetime], Any]
) -> Callable[[str, Any], dict[str, Any]]:
    """Make a function that changes a time, be it a number or an ISO text."""

    def changed(name: str, value: Any) -> dict[str, Any]:
        if isinstance(value, str) and _ISO.match(value):
            return {name: of_text(datetime.fromisoformat(value))}
        return _number(of_number)(name, value)

    return changed


def _shifted(stamp: Decimal) -> Decimal:
    return stamp + int(SHIFT.total_seconds()) * _unit(stamp) if stamp else stamp


def _rescaled(stamp: Decimal) -> Decimal:
    unit = _unit(stamp)
    return stamp // 1000 if unit == 1000 else stamp * 1000 // unit


def _turned(name: str, value: Any) -> dict[str, Any]:
    """Turn a value to the other sign, or to the other side."""
    if value in _OPPOSITE:
        return {name: _OPPOSITE[value]}
    return _number(lambda number: -number)(name, value)


def _with_field(node: Any, name: str, change: Callable[[str, Any], dict[str, Any]]) -> Any:
    """Copy a document with every field of that name put through ``change``."""
    if isinstance(node, list):
        return [_with_field(item, name, change) for item in node]
    if not isinstance(node, dict):
        return node
    changed: dict[str, Any] = {}
    for key, value in node.items():
        changed |= change(key, value) if key == name else {key: _with_field(value, name, change)}
    return changed


def _longest_list(node: Any) -> list[Any]:
    """Find the longest list anywhere in a document: its rows."""
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
    "nan": lambda name, value: {name: "NaN"},
    "hundredfold": _number(lambda number: number * 100),
    "negate": _turned,
    "shift_time": _time(_shifted, lambda time: (time + SHIFT).isoformat()),
    "rescale_time": _time(
        _rescaled, lambda time: int(time.replace(tzinfo=time.tzinfo or UTC).timestamp() * 1000)
    ),
}

_ROWS: dict[str, Callable[[list[Any], int], list[Any]]] = {
    "duplicate": lambda rows, count: rows + rows[-count:],
    "reverse": lambda rows, count: rows[::-1],
    "drop_tail": lambda rows, count: rows[:-count],
}
