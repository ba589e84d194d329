"""Making up bodies that no venue should send: good ones with changed nodes or bytes, and junk.

Plain seeded draws: hypothesis takes as long over one body as a venue does to read it, and what it
adds, shrinking, is hardly needed where a body differs from a good one in three places at most.
"""

import copy
import json
import math
from collections.abc import Iterator
from random import Random
from typing import Any

Call = tuple[str, str]
Body = tuple[Call, int, bytes]
"""In answer to which call, with which HTTP status, and what."""

Path = tuple[str | int, ...]

_CHANGES = (1, 1, 2, 3)
_KEPT_ROWS = 8
_STATUSES = [200] * 8 + [400, 500]
_ACTIONS = ("replace", "retell", "drop", "rename", "repeat", "swap", "scale")
_FACTORS = (-1, 100, 1000, 0.001, 1e6)
_JUNK: list[Any] = [
    None, True, "", "NaN", "-Infinity", "1e999", 0, -1, 1e308, -1e308, 10**30, -(10**18),
    "9" * 400, "\ud7ff\x00", "long", [], {}, [[[[[[]]]]]], {"": {"": None}},
]  # fmt: skip


class Spoiler:
    """Spoils some good answers, body after body; the same seed gives the same ones.

    Parameters
    ----------
    bodies
        The good answers, JSON each.
    """

    def __init__(self, bodies: dict[Call, bytes]) -> None:
        self._bodies = bodies
        self._calls = sorted(bodies)
        self._documents = {call: json.loads(body) for call, body in bodies.items()}
        self._places = {call: [(), *_places(it)] for call, it in self._documents.items()}

    def body(self, seed: str) -> Body:
        """Make a body with some changes of its nodes or bytes, or what never was one."""
        draw = Random(seed)  # noqa: S311 - nothing secret is drawn
        call, status = draw.choice(self._calls), draw.choice(_STATUSES)
        kind = draw.randrange(5)
        if kind < 3:
            return call, status, self._restructured(draw, call)
        if kind == 3:
            return call, status, _edited(draw, self._bodies[call])
        raw = draw.randbytes(draw.randrange(64)) if draw.random() < 0.5 else _encoded(_tree(draw))
        return call, status, raw

    def _restructured(self, draw: Random, call: Call) -> bytes:
        document = self._documents[call]
        for _ in range(draw.choice(_CHANGES)):
            document = _changed(draw, document, draw.choice(self._places[call]))
        return _encoded(document)


def cut(body: bytes) -> bytes:
    """Cut a body's long lists to their ends: rows are alike, and many are to be read."""
    return _encoded(_cut(json.loads(body)))


def _cut(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _cut(value) for key, value in node.items()}
    if isinstance(node, list):
        ends = node if len(node) <= 2 * _KEPT_ROWS else node[:_KEPT_ROWS] + node[-_KEPT_ROWS:]
        return [_cut(value) for value in ends]
    return node


def _places(node: Any, at: Path = ()) -> Iterator[Path]:
    """Yield the way to every node below this one."""
    if isinstance(node, dict | list):
        keys = node.keys() if isinstance(node, dict) else range(len(node))
        for key in keys:
            yield (*at, key)
            yield from _places(node[key], (*at, key))


def _changed(draw: Random, document: Any, place: Path) -> Any:
    """Copy a document, changed at a place unless an earlier change took it away; share the rest."""
    root: dict[str, Any] = {"root": document}
    parent: Any = root
    key: str | int = "root"
    try:
        for step in place:
            parent[key] = copy.copy(parent[key])
            parent, key = parent[key], step
        _change(draw, parent, key)
    except (LookupError, TypeError):
        return document
    return root.get("root")


def _change(draw: Random, parent: Any, key: Any) -> None:
    value, action = parent[key], draw.choice(_ACTIONS)
    if action == "drop":
        del parent[key]
    elif action == "rename" and isinstance(parent, dict):
        parent[f"{key}X"] = parent.pop(key)
    elif action == "repeat" and isinstance(parent, list):
        parent[key:key] = [value] * draw.randint(1, 3)
    elif action == "swap" and isinstance(parent, list):
        other = draw.randrange(len(parent))
        parent[key], parent[other] = parent[other], value
    elif action == "scale" and isinstance(value, int | float | str):
        parent[key] = _scaled(value, draw.choice(_FACTORS))
    elif action == "retell" and value is not None:
        parent[key] = _retold(draw, value)
    else:
        parent[key] = _junk(draw)


def _retold(draw: Random, value: Any) -> Any:
    """Make another value of the same type: what a decoder lets pass."""
    if isinstance(value, bool | dict | list):
        return type(value)()
    if isinstance(value, int):
        return draw.getrandbits(draw.randint(1, 62)) * draw.choice((1, -1))
    number = draw.uniform(-1, 1) * 10.0 ** draw.randint(-12, 12)
    if isinstance(value, float):
        return number
    return draw.choice((repr(number), str(draw.getrandbits(62)), _text(draw), value[::-1]))


def _text(draw: Random) -> str:
    return "".join(chr(draw.randrange(0xD800)) for _ in range(draw.randrange(12)))


def _scaled(value: float | str, factor: float) -> Any:
    try:
        scaled = float(value) * factor
    except (ValueError, OverflowError):
        return value
    whole = isinstance(value, int) and math.isfinite(scaled)
    return repr(scaled) if isinstance(value, str) else int(scaled) if whole else scaled


def _junk(draw: Random) -> Any:
    kind = draw.randrange(5)
    if kind == 0:
        return _text(draw)
    if kind == 1:
        return draw.getrandbits(draw.randint(1, 80)) * draw.choice((1, -1))
    if kind == 2:
        return draw.uniform(-1, 1) * 10.0 ** draw.randint(-300, 300)
    if kind == 3:
        return str(draw.getrandbits(62))
    return draw.choice(_JUNK)


def _tree(draw: Random, depth: int = 3) -> Any:
    """Make junk inside lists and objects."""
    kind = draw.randrange(3) if depth else 0
    if kind == 0:
        return _junk(draw)
    leaves = [_tree(draw, depth - 1) for _ in range(draw.randrange(4))]
    return leaves if kind == 1 else {str(_junk(draw)): leaf for leaf in leaves}


def _encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def _edited(draw: Random, body: bytes) -> bytes:
    """Replace some bytes by others, of whatever length."""
    at, length = draw.randrange(len(body) + 1), draw.randrange(41)
    return body[:at] + draw.randbytes(draw.randrange(7)) + body[at + length :]
