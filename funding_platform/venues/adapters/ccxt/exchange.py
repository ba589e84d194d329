"""ccxt's exchange classes with our client in place of ccxt's own, and its errors in our words.

Everything that depends on the extra ``ccxt`` being installed is here.
"""

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from funding_platform.core.tables.collected import FUNDING_RATES, MARKET_SNAPSHOTS
from funding_platform.core.tables.schema import Table
from funding_platform.venues.errors import (
    SNIPPET_LENGTH,
    BannedError,
    ContractError,
    MissingExtraError,
    NotOfferedError,
    RateLimitedError,
    RequestError,
    ServerError,
    UnknownSymbolError,
    UnknownVenueError,
    VenueError,
    VenueTimeoutError,
)
from funding_platform.venues.rest.endpoints import Endpoint, Refusal, RefusalHook
from funding_platform.venues.rest.http import HttpClient

PREFIX: Final = "ccxt:"
"""Begins the names under which exchanges open, and those that errors call them by."""

HISTORY: Final = "fetchFundingRateHistory"
PREDICTIONS: Final = ("fetchFundingRates", "fetchFundingRate")

WITHOUT_UNTIL: Final = frozenset(
    {
        "backpack", "bitget", "deepcoin", "digifinex", "hashkey", "hibachi", "htx", "krakenfutures",
        "mexc", "myokx", "okx", "okxus", "pacifica", "toobit", "xt",
    }
)  # fmt: skip
"""Exchanges of which ccxt asks a history from a time on, and never up to one."""

WITHOUT_SETTLEMENTS: Final = frozenset({"deribit", "paradex"})
"""Exchanges whose history ccxt calls one of settlements and is none.

Of Deribit every hour has the sum of the last eight (``interest_8h``), of Paradex rows are samples
of a rate for eight hours, several a minute. Their own adapters read both as what was paid.
"""

_SWAPS: Final = ("swap", "linear", "inverse", "contract")
_KINDS: Final[Mapping[str, type[VenueError]]] = {
    "BadSymbol": UnknownSymbolError,
    "RestrictedLocation": BannedError,
    "NotSupported": NotOfferedError,
    "RateLimitExceeded": RateLimitedError,
    "DDoSProtection": RateLimitedError,
    "RequestTimeout": VenueTimeoutError,
    "BadResponse": ContractError,
    "OperationFailed": ServerError,
    "BaseError": RequestError,
}
"""Ours for each of ccxt's; a class that is not named goes by its nearest ancestor that is."""

_MISREAD: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What ccxt's parsers raise over an answer that is not what they expect."""


class _OurTransport:
    """What an exchange class inherits first: our client sends the requests."""

    http: HttpClient
    _cost = 1.0

    async def throttle(self, cost: float | None = None) -> None:
        """Note what the request weighs that ``fetch`` is about to send; the client waits.

        ccxt calls the two in turn without giving way to another request in between.
        """
        self._cost = 1.0 if cost is None else cost

    async def fetch(
        self, url: str, method: str = "GET", headers: Any = None, body: str | None = None
    ) -> Any:
        """Send a public request, whose address ccxt gives whole."""
        host, path = _split(url)
        verb: Any = method
        endpoint = Endpoint(path, msgspec.Raw, weight=self._cost, method=verb, host=host)
        answer = await self.http.fetch(endpoint, msgspec.json.decode(body) if body else None)
        return self.parse_json(bytes(answer).decode())  # type: ignore[attr-defined]


def bridged_exchanges() -> list[str]:
    """List the exchanges of which ccxt offers settled funding rates.

    Raises
    ------
    MissingExtraError
        If ccxt is not installed.
    """
    ccxt = _ccxt("ccxt")
    return [
        name for name in ccxt.exchanges if FUNDING_RATES in funding_tables(getattr(ccxt, name)())
    ]


@cache
def exchange_class(name: str) -> Any:
    """Make the class that ccxt has for an exchange, with our transport.

    Raises
    ------
    MissingExtraError
        If ccxt is not installed.
    UnknownVenueError
        If ccxt has no such exchange, or no funding rates of it.
    """
    venue = PREFIX + name
    ccxt = _ccxt(venue)
    hint = "`funding venues --bridged` lists what there is"
    if name not in ccxt.exchanges:
        raise UnknownVenueError("ccxt knows no such exchange", venue=venue, hint=hint)
    kind: Any = type(name, (_OurTransport, getattr(ccxt, name)), {})
    if not funding_tables(kind()):
        raise UnknownVenueError("ccxt has no funding rates", venue=venue, hint=hint)
    return kind


def funding_tables(exchange: Any) -> tuple[Table, ...]:
    """List the tables that ccxt has funding rates of an exchange for."""
    predicts = any(exchange.has.get(call) for call in PREDICTIONS)
    settles = exchange.has.get(HISTORY) is True and exchange.id not in WITHOUT_SETTLEMENTS
    return (*([MARKET_SNAPSHOTS] if predicts else []), *([FUNDING_RATES] if settles else []))


def connected(kind: Any, http: HttpClient) -> Any:
    """Make an exchange that talks through ``http``, without spot markets where one can choose."""
    exchange = kind()
    exchange.http = http
    choice = exchange.options.get("fetchMarkets")
    types = choice.get("types") if isinstance(choice, dict) else None
    if isinstance(types, list):
        swaps = [each for each in types if each in _SWAPS] or types
        exchange.options["fetchMarkets"] = {**choice, "types": swaps}
    elif isinstance(types, dict):
        switches = {each: on if each in _SWAPS else False for each, on in types.items()}
        exchange.options["fetchMarkets"] = {**choice, "types": switches}
    return exchange


@contextmanager
def typed_errors(venue: str, call: str) -> Iterator[None]:
    """Raise what goes wrong within ccxt as a ``VenueError``."""
    try:
        yield
    except _ccxt(venue).BaseError as error:
        raise _kind(error)(_said(error), venue=venue, endpoint=call) from error
    except _MISREAD as error:
        raise ContractError(
            f"ccxt cannot read the answer: {error!r}",
            venue=venue,
            endpoint=call,
            hint="ccxt may have been updated since: pip install --upgrade ccxt",
        ) from error


def refusals(exchange: Any) -> RefusalHook:
    """Make the hook that finds errors in an exchange's answers, by ccxt's knowledge of them."""
    base_error = _ccxt(PREFIX + exchange.id).BaseError

    def refusal(status: int, body: bytes) -> Refusal | None:
        if body.startswith(b"["):
            return None  # rows; reading them twice would take as long as the request
        text = body.decode(errors="replace")
        answer = exchange.parse_json(text)
        try:
            exchange.handle_errors(status, "", "", "GET", {}, text, answer, {}, None)
        except base_error as error:
            return Refusal(_kind(error), _said(error))
        except _MISREAD:
            return None  # left to the status and the full decoding
        return None

    return refusal


def _split(url: str) -> tuple[str, str]:
    """Split a URL into the host, and the path with its query."""
    path = urlsplit(url)._replace(scheme="", netloc="").geturl()
    return url.removesuffix(path), path


def _ccxt(venue: str) -> Any:
    """Import the package on behalf of a venue."""
    try:
        return importlib.import_module("ccxt.async_support")
    except ImportError as error:
        raise MissingExtraError(
            "ccxt is not installed",
            venue=venue,
            hint='pip install "funding-platform[ccxt]"',
        ) from error


def _kind(error: Exception) -> type[VenueError]:
    names = (ancestor.__name__ for ancestor in type(error).__mro__)
    return next(_KINDS[name] for name in names if name in _KINDS)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:SNIPPET_LENGTH]}"
