"""What a venue's wire module declares, and what its handlers receive and return.

A wire module is a ``Wire``: the venue's style, its routes and its limits. A handler is a plain
function from ``Request`` to ``Reply``; it raises ``WireError`` to answer with an error body.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec

from funding_platform.core.time_grid import DAY_MS
from funding_platform.sandbox.limits import Limits
from funding_platform.sandbox.markets.market import (
    Instrument,
    Market,
    Quote,
    SpotMarket,
    VenueStyle,
)
from funding_platform.sandbox.markets.series import Settlements

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. ``rows`` counts the records in it, for statistics and row-based weights."""

    body: bytes
    status: int = 200
    rows: int = 0
    content_type: str = JSON

    @classmethod
    def json(cls, document: object, *, status: int = 200, rows: int = 0) -> "Reply":
        """Encode a document as JSON."""
        return cls(msgspec.json.encode(document), status, rows)

    @classmethod
    def text(cls, text: str, *, status: int) -> "Reply":
        """Write plain text, as front ends in front of a venue send it."""
        return cls(text.encode(), status, content_type="text/plain")


class WireError(Exception):
    """A request that the venue answers with an error body."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.body.decode())
        self.reply = reply


class ParameterError(Exception):
    """A parameter that is missing or cannot be read; the wire words the reply."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True)
class Request:
    """A request with the market as it is at this instant, seen from one venue.

    ``params`` come from the query or the JSON body, and from the path where the route's has
    placeholders; the names of ``headers`` are in lower case.
    """

    market: Market
    venue: str
    params: Mapping[str, Any]
    now_ms: int
    retention_days: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """Read a parameter as text, ``None`` where it was not sent or is empty."""
        value = self.params.get(name)
        return None if value is None or value == "" else str(value)

    def required(self, name: str) -> str:
        """Read a parameter that must be there."""
        value = self.text(name)
        if value is None:
            raise ParameterError(name)
        return value

    def integer(self, name: str) -> int | None:
        """Read a parameter as an integer, ``None`` where it was not sent."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return int(value)
        except ValueError:
            raise ParameterError(name) from None

    def limit(self, *, default: int, cap: int) -> int:
        """Read the page size: ``limit`` cut to the venue's cap, at least one."""
        asked = self.integer("limit")
        return default if asked is None else max(1, min(asked, cap))

    @property
    def instruments(self) -> Sequence[Instrument]:
        """Every contract listed by now."""
        return self.market.instruments(self.venue)

    @property
    def quotes(self) -> Mapping[str, Quote]:
        """The contracts that trade now, by symbol."""
        return self.market.quotes(self.venue)

    def instrument(self, venue_symbol: str) -> Instrument | None:
        """Find the contract of that name, ``None`` where there is none."""
        return next((i for i in self.instruments if i.venue_symbol == venue_symbol), None)

    @property
    def spot_markets(self) -> Sequence[SpotMarket]:
        """Every spot market listed by now."""
        return self.market.spot_markets(self.venue)

    def spot_market(self, venue_symbol: str) -> SpotMarket | None:
        """Find the spot market of that name, ``None`` where there is none."""
        return next((m for m in self.spot_markets if m.venue_symbol == venue_symbol), None)

    def settlements(self, venue_symbol: str) -> Settlements:
        """Return the settlements of a contract that the venue still keeps."""
        history = self.market.settlements(self.venue, venue_symbol)
        if self.retention_days is None:
            return history
        kept = history.times_ms >= self.now_ms - self.retention_days * DAY_MS
        return history.slice(slice(len(kept) - int(kept.sum()), None))


Handler = Callable[[Request], Reply]
Cost = Callable[[Request, int], Mapping[str, int]]


def _no_cost(request: Request, rows: int) -> Mapping[str, int]:
    """Touch no budget."""
    return {}


def one_of(budget: str) -> Cost:
    """Charge each call one of a budget, however many rows it gives."""
    return lambda request, rows: {budget: 1}


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint.

    A ``{name}`` in ``path`` stands for any one part of a path, which becomes the parameter of that
    name. ``kind`` is the value of the body's ``type`` where one path serves many kinds of request.
    ``cost`` names the budgets that a request draws on; it is asked before the handler with zero
    rows, and again with the rows of the reply.
    """

    path: str
    handler: Handler
    method: str = "GET"
    kind: str | None = None
    cost: Cost = _no_cost

    @property
    def endpoint(self) -> str:
        """The name used in statistics and fault paths: ``/info#fundingHistory``."""
        return self.path if self.kind is None else f"{self.path}#{self.kind}"


@dataclass(frozen=True)
class Wire:
    """One venue's public wire format.

    Attributes
    ----------
    bad_parameter
        The reply to a missing or malformed parameter, from its name and the present.
    refusal
        The reply that goes with an HTTP status the venue itself sends (403, 418, 429, 5xx), from
        the status and the present.
    not_found
        The reply to a path that the venue does not serve.
    retention_days
        How far the venue's history reaches back, where it is cut; served in full unless asked.
    """

    style: VenueStyle
    routes: tuple[Route, ...]
    limits: Limits
    bad_parameter: Callable[[str, int], Reply]
    refusal: Callable[[int, int], Reply]
    not_found: Reply
    retention_days: int | None = None

    def route(self, method: str, path: str, kind: Any) -> tuple[Route | None, Mapping[str, str]]:
        """Find the route that serves a request, if one does, and the parameters in the path."""
        for endpoint in (path, f"{path}#{kind}"):
            if (method, endpoint) in self._by_endpoint:
                return self._by_endpoint[method, endpoint], {}
        for route, pattern in self._by_pattern:
            match = pattern.fullmatch(path)
            if match is not None and route.method == method:
                return route, match.groupdict()
        return None, {}

    @cached_property
    def _by_endpoint(self) -> Mapping[tuple[str, str], Route]:
        return {(route.method, route.endpoint): route for route in self.routes}

    @cached_property
    def _by_pattern(self) -> list[tuple[Route, re.Pattern[str]]]:
        """The routes whose path has placeholders."""
        return [
            (route, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path)))
            for route in self.routes
            if "{" in route.path
        ]


def routes_of(
    budget: str, handlers: Mapping[str, Handler], *, method: str = "GET"
) -> tuple[Route, ...]:
    """Make routes of which each call costs one of a budget, by their paths."""
    cost = one_of(budget)
    return tuple(Route(path, call, method=method, cost=cost) for path, call in handlers.items())


def thousands(prefix: str) -> dict[str, str]:
    """Spell the coins that a venue lists by the thousand, being worth so little."""
    return {coin: f"{prefix}{coin}" for coin in ("PEPE", "SHIB", "BONK", "FLOKI")}


def rows_text(template: str, columns: Iterable[Iterable[object]]) -> str:
    """Join JSON objects by commas: fill one ``%`` template from parallel columns."""
    return ",".join(map(template.__mod__, zip(*columns, strict=True)))
