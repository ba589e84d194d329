"""The clients: one set of questions, asked while waiting or while doing something else.

A parameter is passed on as it is named in OpenAPI; lists are repeated, times may be ``datetime``.
"""

import json
from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Generic, Self, TypeAlias, TypeVar
from urllib.parse import quote

import httpx

from funding_platform.client.answers import Answer, UnreachableError, answer_of, problem_of

R = TypeVar("R")

Value: TypeAlias = str | float | bool | datetime | list[str] | tuple[str, ...] | None

PREFIX: Final = "/api/v1"
TIMEOUT_SECONDS: Final = 30.0
_STREAM_SILENCE_SECONDS: Final = 60.0
"""Heartbeats come four times as often."""


class Questions(Generic[R]):
    """What can be asked."""

    @abstractmethod
    def _get(self, path: str, asked: Mapping[str, Value]) -> R:
        """Ask, below the prefix."""

    def funding_rates(self, **asked: Value) -> R:
        """List current rates: ``venue``, ``base``, ``symbol``, ``include_metadata``, ``source``."""
        return self._get("/funding-rates", asked)

    def funding_rate(self, venue: str, symbol: str, **asked: Value) -> R:
        """Tell the current rate of one instrument."""
        return self._get(f"/funding-rates/{_name(venue)}/{_symbol(symbol)}", asked)

    def opportunities(self, **asked: Value) -> R:
        """Rank pairs: every field of ``OpportunityFilter``."""
        return self._get("/opportunities", asked)

    def best_opportunities(self, **asked: Value) -> R:
        """Rank the best pair of each asset."""
        return self._get("/opportunities/best", asked)

    def compare(self, venue1: str, venue2: str, **asked: Value) -> R:
        """Set two venues side by side, with costs and nets."""
        return self._get("/opportunities/compare", {"venue1": venue1, "venue2": venue2, **asked})

    def history(self, venue: str, symbol: str, **asked: Value) -> R:
        """One page of settled rates: ``start``, ``end``, ``period``, ``interval``, ``cursor``."""
        return self._get(f"/history/funding-rates/{_name(venue)}/{_symbol(symbol)}", asked)

    def candles(self, venue: str, symbol: str, **asked: Value) -> R:
        """One page of hourly bars: ``kind``, ``start``, ``end``, ``period``, ``cursor``."""
        return self._get(f"/history/candles/{_name(venue)}/{_symbol(symbol)}", asked)

    def statistics(self, base: str, **asked: Value) -> R:
        """Tell how the settled rates of a base were distributed: ``venue``, ``period``."""
        return self._get(f"/stats/funding-rates/{_name(base)}", asked)

    def curves(self, base: str, **asked: Value) -> R:
        """Tell the newest term structure of a base on each venue."""
        return self._get(f"/curves/{_name(base)}", asked)

    def features(self, venue: str, symbol: str, **asked: Value) -> R:
        """Tell features as they were known: ``at``, ``kind``."""
        return self._get(f"/features/{_name(venue)}/{_symbol(symbol)}", asked)

    def prediction(self, venue: str, symbol: str, **asked: Value) -> R:
        """Tell the rate expected next, with its measured accuracy."""
        return self._get(f"/predictions/funding-rate/{_name(venue)}/{_symbol(symbol)}", asked)

    def venues(self) -> R:
        """List the venues."""
        return self._get("/venues", {})

    def symbols(self, venue: str, **asked: Value) -> R:
        """List what a venue lists: ``base``, ``status``."""
        return self._get(f"/venues/{_name(venue)}/symbols", asked)

    def fees(self, **asked: Value) -> R:
        """List fees: ``venue``, ``at``."""
        return self._get("/fees", asked)

    def backtests(self, **asked: Value) -> R:
        """List stored backtests."""
        return self._get("/backtests", asked)

    def depth(self, venue: str, symbol: str) -> R:
        """Tell what trading at once costs, by size, as the book was looked at last."""
        return self._get(f"/depth/{_name(venue)}/{_symbol(symbol)}", {})

    def positions(self, **asked: Value) -> R:
        """List pairs of the trader: ``open``."""
        return self._get("/execution/positions", asked)

    def performance(self, **asked: Value) -> R:
        """One page of what the trader was worth: ``start``, ``end``, ``period``, ``cursor``."""
        return self._get("/execution/performance", asked)

    def trading_events(self, **asked: Value) -> R:
        """List what the trader did: ``pair_id``, ``before``."""
        return self._get("/execution/events", asked)

    def alerts(self) -> R:
        """List active alerts."""
        return self._get("/alerts", {})

    def health(self) -> R:
        """Tell how the platform is; ``more["status"]`` is the one word."""
        return self._get("/health", {})


class Client(Questions[Answer]):
    """Asks the service, and waits.

    Parameters
    ----------
    url
        Where it is, such as ``http://127.0.0.1:8400``.
    key
        Of the service; none is needed on its own machine.
    timeout_seconds
        Longest wait for an answer.

    Raises
    ------
    ServiceError
        From every question that is refused.
    UnreachableError
        From every question that nobody answers.
    """

    def __init__(
        self, url: str, *, key: str | None = None, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._http = httpx.Client(**_options(url, key, timeout_seconds))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def _get(self, path: str, asked: Mapping[str, Value]) -> Answer:
        try:
            return answer_of(self._http.get(PREFIX + path, params=_query(asked)))
        except httpx.TransportError as error:
            raise _unreachable(self._http.base_url, error) from error

    def history_pages(self, venue: str, symbol: str, **asked: Value) -> Iterator[Answer]:
        """Yield the pages of settled rates, one after another."""
        page = self.history(venue, symbol, **asked)
        yield page
        while page.next_cursor:
            page = self.history(venue, symbol, **{**asked, "cursor": page.next_cursor})
            yield page


class AsyncClient(Questions[Awaitable[Answer]]):
    """Asks the service without blocking; parameters and errors are those of ``Client``."""

    def __init__(
        self, url: str, *, key: str | None = None, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._http = httpx.AsyncClient(**_options(url, key, timeout_seconds))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def _get(self, path: str, asked: Mapping[str, Value]) -> Answer:
        try:
            return answer_of(await self._http.get(PREFIX + path, params=_query(asked)))
        except httpx.TransportError as error:
            raise _unreachable(self._http.base_url, error) from error

    async def stream(self, *channels: str, **asked: Value) -> AsyncIterator[dict[str, Any]]:
        """Follow channels: yield messages as they come, a snapshot of each first.

        A stream that breaks off is opened again where it was, for as long as the service answers;
        what is yielded then is what was missed, or a snapshot.

        Parameters
        ----------
        channels
            ``funding_rates``, ``opportunities``, ``curves``, ``events``.
        asked
            ``venues``, ``bases``, ``symbols``, ``tiers``, ``min_net_apr``.
        """
        query, last = _query({**asked, "channels": channels}), ""
        silence = httpx.Timeout(TIMEOUT_SECONDS, read=_STREAM_SILENCE_SECONDS)
        while True:
            headers = {"Last-Event-ID": last} if last else {}
            try:
                async with self._http.stream(
                    "GET", f"{PREFIX}/stream", params=query, headers=headers, timeout=silence
                ) as response:
                    if response.status_code != httpx.codes.OK:
                        await response.aread()
                        raise problem_of(response)
                    event: dict[str, str] = {}
                    async for line in response.aiter_lines():
                        if line:
                            name, _, value = line.partition(": ")
                            event[name] = value
                            continue
                        last = event.get("id", last)  # of an event that came whole
                        if "data" in event:
                            yield json.loads(event["data"])
                        event = {}
            except httpx.ConnectError as error:
                raise _unreachable(self._http.base_url, error) from error
            except httpx.TransportError:
                continue  # it broke off; whether the service still answers is seen at once


def _options(url: str, key: str | None, timeout_seconds: float) -> dict[str, Any]:
    headers = {"Accept": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    return {"base_url": url, "headers": headers, "timeout": timeout_seconds}


def _unreachable(url: httpx.URL, error: httpx.TransportError) -> UnreachableError:
    return UnreachableError(
        f"{url} does not answer: {type(error).__name__} {error}",
        hint="`funding serve` starts the service; is the address the one that it printed?",
    )


def _query(asked: Mapping[str, Value]) -> dict[str, Any]:
    """Write parameters as the service reads them; what is None is left out."""
    return {name: _written(value) for name, value in asked.items() if value is not None}


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return [*value] if isinstance(value, list | tuple) else value


def _name(text: str) -> str:
    return quote(text, safe="")


def _symbol(text: str) -> str:
    return quote(text, safe="/:")
