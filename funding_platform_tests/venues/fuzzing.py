"""A venue that answers out of memory, and ways to spoil what it says.

The bodies are those of the sandbox, recorded once per venue. A spoilt one goes the way of every
body, classified and decoded by the client, but through no socket: that allows 10^5 of them.
"""

import json
import math
from collections.abc import Awaitable, Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
import polars as pl
from hypothesis import strategies as st

from funding_platform.core.schema import Table
from funding_platform.core.tables import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import Window
from funding_platform.venues.base import Venue
from funding_platform.venues.breaker import Breaker
from funding_platform.venues.endpoints import Endpoint, Params
from funding_platform.venues.http import HttpClient
from funding_platform.venues.limits import Limiter
from funding_platform.venues.registry import venue_class

NOW = datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)
WINDOW = Window(NOW - timedelta(days=2), NOW)
MOST_CALLS = 1_000
"""Some dozens is what one dataset takes; more is a client that asks on and on."""

T = TypeVar("T")
Call = tuple[str, str]
Body = tuple[Call, int, bytes]
"""In answer to which call, with which HTTP status, and what."""


class Memory(HttpClient):
    """Learns a venue's answers from a server; from then on gives them itself, one of them spoilt.

    A call that was never learnt gets an answer to another call of its path.
    """

    def __init__(self, venue: str, url: str) -> None:
        spec = venue_class(venue).spec
        super().__init__(
            spec.name,
            url,
            budget=spec.budget,
            refusal=spec.refusal,
            used_weight_header=None,
            timeout_seconds=10,
            limiter=Limiter(math.inf),
            breaker=Breaker(venue, open_after=math.inf),
        )
        self.bodies: dict[Call, bytes] = {}
        self.calls = 0
        self._spoilt: Body | None = None
        self._learning = True
        self._request = httpx.Request("GET", url)

    def spoil(self, body: Body) -> None:
        """Learn no more, and give this one instead of what it stands for."""
        self._spoilt, self._learning, self.calls = body, False, 0

    async def fetch(self, endpoint: Endpoint[T], params: Params | None = None) -> T:
        path, remaining = endpoint.locate(params or {})
        call = (path, str(sorted(remaining.items())))
        if self._learning:
            _, self.bodies[call] = await self._send(self._build(endpoint, params or {}))
        status, body = self._answer(call)
        self._raise_for_refusal(httpx.Response(status, request=self._request), body)
        return self._decode(endpoint, self._request, body)

    def _answer(self, call: Call) -> tuple[int, bytes]:
        self.calls += 1
        assert self.calls <= MOST_CALLS, "asks on and on"
        if call not in self.bodies:
            call = next((known for known in self.bodies if known[0] == call[0]), call)
        if self._spoilt is not None and call == self._spoilt[0]:
            return self._spoilt[1:]
        return 200, self.bodies.get(call, b"null")


def questions(symbol: str | None) -> dict[Table, Callable[[Venue], Awaitable[pl.DataFrame]]]:
    """How to ask a venue for each table."""

    async def history(venue: Venue) -> pl.DataFrame:
        assert symbol is not None
        return await venue.funding_rates([symbol], WINDOW.start, WINDOW.end)

    return {
        INSTRUMENTS: Venue.instruments,
        MARKET_SNAPSHOTS: Venue.market_snapshot,
        FUNDING_RATES: history,
    }


async def learn(name: str, url: str, clock: Callable[[], datetime]) -> tuple[Memory, str | None]:
    """Ask for everything once; the symbol is the one whose history was asked for."""
    memory = Memory(name, url)
    venue = venue_class(name)(memory, clock)
    symbol: str | None = None
    for table, ask in questions(None).items():
        if table in venue.spec.offers and table is not FUNDING_RATES:
            frame = await ask(venue)
            if table is INSTRUMENTS:
                symbol = frame.filter(status="trading", contract_type="linear")["venue_symbol"][0]
    if symbol is not None:
        await questions(symbol)[FUNDING_RATES](venue)
    await memory.aclose()
    return memory, symbol


_JUNK = st.one_of(
    st.sampled_from(
        [None, True, "", "NaN", "-Infinity", "1e999", 0, -1, 1e308, -1e308, 10**30, -(10**18),
         "9" * 400, "\ud7ff\x00", "long", [], {}, [[[[[[]]]]]], {"": {"": None}}]
    ),
    st.text(max_size=12),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(min_value=0, max_value=2**62).map(str),
)  # fmt: skip
_JSON = st.recursive(
    _JUNK, lambda children: st.lists(children) | st.dictionaries(st.text(), children), max_leaves=8
)
_STRUCTURAL = ("replace", "drop", "rename", "repeat", "swap", "scale")


def spoilt(bodies: dict[Call, bytes]) -> st.SearchStrategy[Body]:
    """Any body, good to begin with, after some changes of its nodes or bytes; or no body at all."""
    call = st.sampled_from(sorted(bodies))
    status = st.sampled_from([200] * 8 + [400, 500])
    change = st.tuples(
        st.sampled_from(_STRUCTURAL), st.integers(min_value=0, max_value=2**16), _JUNK
    )
    nodes = st.tuples(call, status, st.lists(change, min_size=1, max_size=3)).map(
        lambda drawn: (drawn[0], drawn[1], _restructured(bodies[drawn[0]], drawn[2]))
    )
    edit = st.tuples(
        st.integers(min_value=0, max_value=2**16), st.integers(0, 40), st.binary(max_size=6)
    )
    edited = st.tuples(call, status, edit).map(
        lambda drawn: (drawn[0], drawn[1], _edited(bodies[drawn[0]], *drawn[2]))
    )
    raw = st.tuples(call, status, st.binary(max_size=64) | _JSON.map(_encoded))
    return st.one_of(nodes, nodes, nodes, edited, raw)


def _encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


def _edited(body: bytes, at: int, length: int, by: bytes) -> bytes:
    """Some bytes replaced by others, of whatever length."""
    at %= len(body) + 1
    return body[:at] + by + body[at + length :]


def _restructured(body: bytes, changes: list[tuple[str, int, Any]]) -> bytes:
    document = {"root": json.loads(body)}
    for action, at, junk in changes:
        places = list(_places(document)) or [(document, "root")]
        parent, key = places[at % len(places)]
        _change(parent, key, action, at, junk)
    return _encoded(document.get("root"))


def _places(node: Any) -> Any:
    """Every node of a document, as its container and its key there."""
    keys = node.keys() if isinstance(node, dict) else range(len(node))
    for key in keys:
        yield node, key
        if isinstance(node[key], dict | list):
            yield from _places(node[key])


def _change(parent: Any, key: Any, action: str, at: int, junk: Any) -> None:
    value = parent.get(key) if isinstance(parent, dict) else parent[key]
    if action == "drop" and value is not None:
        del parent[key]
    elif action == "rename" and isinstance(parent, dict):
        parent[f"{key}X"] = parent.pop(key, None)
    elif action == "repeat" and isinstance(parent, list):
        parent[key:key] = [deepcopy(value) for _ in range(1 + at % 3)]
    elif action == "swap" and isinstance(parent, list):
        other = at % len(parent)
        parent[key], parent[other] = parent[other], value
    elif action == "scale" and isinstance(value, int | float | str):
        parent[key] = _scaled(value, (-1, 100, 1000, 0.001, 1e6)[at % 5])
    else:
        parent[key] = deepcopy(junk)  # what is drawn twice must not become one node


def _scaled(value: float | str, factor: float) -> Any:
    try:
        scaled = float(value) * factor
    except (ValueError, OverflowError):
        return value
    whole = isinstance(value, int) and math.isfinite(scaled)
    return repr(scaled) if isinstance(value, str) else int(scaled) if whole else scaled
