"""Spoiling one row of what the sandbox answers, on its way out, wherever it is served."""

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from funding_platform.core.time_grid import Window, from_ms
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.settings import Settings
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import VenueError
from funding_platform.venues.registry import open_venue

NOW = datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)
WINDOW = Window(datetime(2026, 2, 20, tzinfo=UTC), datetime(2026, 2, 23, tzinfo=UTC))
INSIDE = Window(datetime(2026, 2, 21, tzinfo=UTC), datetime(2026, 2, 22, tzinfo=UTC))
"""Where the spoilt settlement lies, neighbours on both sides."""

SYMBOLS = 6

LISTS = {
    "binance": ("/fapi/v1/exchangeInfo", "quoteAsset"),
    "aster": ("/fapi/v1/exchangeInfo", "quoteAsset"),
    "bybit": ("/v5/market/instruments-info", "quoteCoin"),
    "okx": ("/api/v5/public/instruments", "instId"),
    "hyperliquid": ("/info#metaAndAssetCtxs", "name"),
    "lighter": ("/api/v1/orderBookDetails", "symbol"),
    "extended": ("/api/v1/info/markets", "collateralAssetName"),
    "backpack": ("/api/v1/markets", "quoteSymbol"),
    "grvt": ("/full/v1/all_instruments", "quote"),
    "edgex": ("/api/v2/public/meta/getMetaData", "quoteCoinId"),
    "deribit": ("/api/v2/public/get_instruments", "quote_currency"),
    "paradex": ("/v1/markets", "quote_currency"),
    "drift": ("/stats/markets", "quoteAsset"),
}
ASKED = {"bybit": "linear"}
"""Which of several answers of an endpoint is spoilt."""

LISTED = {**ASKED, "okx": "SWAP"}
"""The same of lists of instruments."""

"""The list of instruments, and a text in it that must be there."""

Row = dict[str, Any]


class Spoiler:
    """Spoils one row of an endpoint's answers, the same row each time.

    Parameters
    ----------
    endpoint
        Whose answers.
    change
        Turns the list that holds the row, and its number there.
    asked
        A value among the parameters of the requests to meet; all by default.
    time
        The field that tells rows of one symbol apart; without it the middle row is met.
    """

    def __init__(
        self,
        endpoint: str,
        change: Callable[[list[Row], int], None],
        *,
        asked: str | None = None,
        time: str | None = None,
    ) -> None:
        self._endpoint, self._change = endpoint, change
        self._asked, self._time = asked, time
        self._target: Any = None
        self.row: Row | None = None

    def body(self, endpoint: str, params: Any, body: bytes) -> bytes:
        """The answer as it is sent."""
        sent = list(map(str, params.values()))
        if not endpoint.startswith(self._endpoint) or self._asked not in (None, *sent):
            return body
        document = json.loads(body)
        rows = _rows(document, self._endpoint)
        number = self._number(rows)
        if number is None:
            return body
        self.row = copy.deepcopy(rows[number])
        self._change(rows, number)
        return json.dumps(document).encode()

    def _number(self, rows: list[Row]) -> int | None:
        if self._time is None:
            native = [n for n, row in enumerate(rows) if _is_ours(row)]
            return native[len(native) // 2] if native else None
        times = [row[self._time] for row in rows]
        inside = [time for time in times if INSIDE.start <= _moment(time) < INSIDE.end]
        if self._target is None and inside:
            self._target = inside[len(inside) // 2]
        return times.index(self._target) if self._target in times else None


def _moment(stamp: Any) -> datetime:
    """A stamp of any unit, or in ISO."""
    if isinstance(stamp, str) and not stamp.isdecimal():
        return datetime.fromisoformat(stamp).replace(tzinfo=UTC)
    digits = str(stamp)[:13]
    return from_ms(int(digits.ljust(13, "0")))


def _is_ours(row: Row) -> bool:
    """Not one that a venue relays, nor one that is no perpetual that trades."""
    return (
        row.get("exchange", "lighter") == "lighter"
        and row.get("marketType", "perp") in ("perp", "PERP")
        and row.get("market", "Binance (Futures)") == "Binance (Futures)"
        and row.get("type", "PERPETUAL") == "PERPETUAL"
        and row.get("settlement_period", "perpetual").lower() == "perpetual"
        and row.get("kind", "PERPETUAL") in ("PERPETUAL", "future")
        and row.get("asset_kind", "PERP") == "PERP"
        and row.get("market_type", "perp") == "perp"
        and row.get("contract_type", "perpetual") == "perpetual"
        and str(row.get("contractType", "linear")).lower().endswith(("perpetual", "linear"))
    )


def _rows(document: Any, endpoint: str) -> list[Row]:
    """The rows of an answer, of which some hold a single one, not in a list."""
    if endpoint.endswith("metaAndAssetCtxs"):
        rows: list[Row] = document[1]
        return rows
    lists = list(_lists(document))
    inner = document.get("result", document) if isinstance(document, dict) else document
    return max(lists, key=_is_rows_of_contracts) if lists else [inner]


def _is_rows_of_contracts(rows: list[Row]) -> tuple[bool, int]:
    """What to compare lists by: edgeX has one of coins beside that of its contracts."""
    return "contractId" in rows[0], len(rows)


def _lists(node: Any) -> Iterator[list[Row]]:
    """Every list of objects."""
    if isinstance(node, list):
        if node and isinstance(node[0], dict):
            yield node
        return
    if isinstance(node, dict):
        for child in node.values():
            yield from _lists(child)


def put(field: str, value: Any) -> Callable[[list[Row], int], None]:
    """A change of a field, wherever it is in the row."""

    def change(rows: list[Row], number: int) -> None:
        before = copy.deepcopy(rows[number])
        put_into(rows[number], field, value)
        assert rows[number] != before

    return change


def put_into(node: Any, field: str, value: Any) -> None:
    if not isinstance(node, dict):
        return
    for key, old in node.items():
        if key == field:
            is_number = isinstance(old, int | float) and str(value)[:1].isdecimal()
            node[key] = float(value) if is_number else value
        else:
            put_into(old, field, value)


class Found(NamedTuple):
    """What a venue gave, and every error and warning of it."""

    result: Any
    told: list[VenueError]


class World:
    """The sandbox, and what its venues say undisturbed."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self._sandbox = sandbox
        self._truth: dict[tuple[str, str], Found] = {}
        self.spoiler: Spoiler | None = None

    def ask(self, name: str, settings: Settings, what: Callable[[Venue], Awaitable[Any]]) -> Found:
        """What a venue says now."""

        async def run() -> Found:
            url = self._sandbox.url_of(name)
            async with open_venue(name, url, settings=settings, clock=lambda: NOW) as venue:
                return Found(await what(venue), venue.warnings)

        return asyncio.run(run())

    def truth(
        self, name: str, kind: str, settings: Settings, what: Callable[[Venue], Awaitable[Any]]
    ) -> Any:
        """What it says undisturbed; asked once."""
        if (name, kind) not in self._truth:
            assert self.spoiler is None
            self._truth[name, kind] = self.ask(name, settings, what)
            assert self._truth[name, kind].told == []
        return self._truth[name, kind].result

    def spoilt(
        self,
        name: str,
        settings: Settings,
        spoiler: Spoiler,
        what: Callable[[Venue], Awaitable[Any]],
    ) -> Found:
        """What it says with one row spoilt."""
        self.spoiler = spoiler
        try:
            found = self.ask(name, settings, what)
        finally:
            self.spoiler = None
        assert spoiler.row is not None, "nothing was spoilt"
        return found
