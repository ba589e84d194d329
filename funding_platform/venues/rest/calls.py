"""Calls as a venue makes them: one, one per symbol, page after page, and what a failure costs.

An answer is required (``fetch``), or may be missing: then a failure becomes a warning, and costs a
column or a symbol but not the call. Bans and rate limits are never passed over: asking for anything
else would make them worse.
"""

import weakref
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from funding_platform.venues.errors import (
    BannedError,
    ContractError,
    PagingError,
    RateLimitedError,
    VenueError,
)
from funding_platform.venues.parsing.leniency import leave_out, most, single_rows
from funding_platform.venues.parsing.records import OfSymbol
from funding_platform.venues.rest.concurrency import Breach, Outage, Work, for_each
from funding_platform.venues.rest.endpoints import Endpoint, Params
from funding_platform.venues.rest.http import HttpClient
from funding_platform.venues.rest.stats import Stats

MOST_PAGES = 100
"""Of one call. Thirty days of hourly rates, and all instruments of a venue, take ten at most."""

SINGLES_IN_FLIGHT = 64
"""Single-symbol calls of a snapshot under way at a time: 300 at 300 ms each are done in 1.5 s."""

T = TypeVar("T")
K = TypeVar("K")
R = TypeVar("R", bound=OfSymbol)


class Calls:
    """Asks a venue.

    ``warnings`` holds the failures that cost a column or a symbol but not the call.

    Parameters
    ----------
    name
        The venue, for errors.
    http
        A client for it.
    """

    def __init__(self, name: str, http: HttpClient) -> None:
        self.warnings: list[VenueError] = []
        self._name = name
        self._http = http

    @property
    def stats(self) -> Stats:
        """What was sent so far, and how long answers took."""
        return self._http.stats

    def cut_off(self, otherwise: VenueError) -> VenueError:
        """Count that the venue's time was up, and return why; see ``HttpClient.cut_off``."""
        return self._http.cut_off(otherwise)

    async def fetch(self, endpoint: Endpoint[T], params: Params | None = None) -> T:
        """Make one call and return its decoded answer; see ``HttpClient.fetch``."""
        return await self._http.fetch(endpoint, params)

    async def pages(
        self,
        endpoint: Endpoint[T],
        params: Params,
        cursor: str,
        following: Callable[[T], str | int | None],
    ) -> list[T]:
        """Fetch all pages of a call.

        Parameters
        ----------
        endpoint, params
            What to ask.
        cursor
            The parameter that asks for a further page.
        following
            Its value for the page after a given one; None or empty where none is wanted.

        Raises
        ------
        PagingError
            If a cursor comes again, or there are more than ``MOST_PAGES``.
        """
        pages = [await self.fetch(endpoint, params)]
        asked: set[str | int] = set()
        while token := following(pages[-1]):
            if token in asked or len(pages) == MOST_PAGES:
                what = "a page came again" if token in asked else f"more than {MOST_PAGES} pages"
                raise PagingError(what, venue=self._name, endpoint=endpoint.path)
            asked.add(token)
            pages.append(await self.fetch(endpoint, {**params, cursor: token}))
        return pages

    def attempt(self, answer: Work[T], otherwise: T) -> Work[T]:
        """Await an answer that may be missing: a failure to get it is a warning.

        Raises
        ------
        BannedError, RateLimitedError
            Asking for anything else would make these worse.
        """
        attempted = self._attempt(answer, otherwise)
        # Cancelled before its first step it never comes to await the answer: that is closed then.
        weakref.finalize(attempted, answer.close)
        return attempted

    async def _attempt(self, answer: Work[T], otherwise: T) -> T:
        try:
            return await answer
        except (BannedError, RateLimitedError):
            raise
        except VenueError as error:
            self.warnings.append(error)
            return otherwise

    async def attempt_each(
        self, keys: Iterable[K], ask: Callable[[K], Awaitable[T]], *, required: bool = False
    ) -> dict[K, T]:
        """Do as ``attempt``, for many keys side by side; those that fail are left out.

        An outage ends the asking. Where the answers are ``required``, single ones may fail, but an
        outage and whatever else concerns the whole venue are raised: of broken contracts several
        in a row, or most.
        """
        answers: dict[K, T] = {}
        unsound: list[ContractError] = []
        outage, breach = Outage(), Breach()

        async def one(key: K) -> None:
            if outage.declared:
                return
            try:
                answers[key] = await ask(key)
                outage.over()
                breach.over()
            except (BannedError, RateLimitedError):
                raise
            except VenueError as error:
                outage.count(error)
                if required and (breach.of_all(error) or outage.declared):
                    raise
                if isinstance(error, ContractError):
                    unsound.append(error)
                self.warnings.append(error)

        await for_each(keys, one, in_flight=SINGLES_IN_FLIGHT)
        if required and most(len(unsound), len(unsound) + len(answers)):
            raise unsound[0]
        return answers

    async def attempt_rows(
        self, endpoint: Endpoint[list[R]], params: Params | None = None
    ) -> dict[str, R]:
        """Do as ``attempt``, for the rows of a call by symbol; none where it fails."""

        async def ask() -> dict[str, R]:
            rows = await self.fetch(endpoint, params)
            return single_rows(rows, venue=self._name, endpoint=endpoint.path)

        return await self.attempt(ask(), {})

    async def attempt_singles(
        self,
        endpoint: Endpoint[T],
        keys: Iterable[str],
        parameter: str,
        params: Params | None = None,
        *,
        named: str = "venue_symbol",
        required: bool = False,
    ) -> dict[str, T]:
        """Do as ``attempt_each``, for a call that answers for one perpetual.

        Parameters
        ----------
        endpoint, params
            What to ask.
        keys, parameter
            For which perpetuals, and the parameter that names one.
        named
            The answer's field that must name the same; another one breaks the contract.
        required
            Whether an outage is raised.
        """

        async def ask(key: str) -> T:
            answer = await self.fetch(endpoint, {parameter: key, **(params or {})})
            if (got := getattr(answer, named)) != key:
                raise self.broken(f"asked for {key}, got {got}", endpoint)
            return answer

        return await self.attempt_each(keys, ask, required=required)

    def sifted(
        self,
        rows: Sequence[T],
        complaint: Callable[[T], str | None],
        endpoint: Endpoint[Any],
        path: str = "$",
    ) -> list[T]:
        """Return the rows of an answer without those that decode but make no sense.

        Parameters
        ----------
        rows, endpoint, path
            What was answered, to which call, and where in the body.
        complaint
            What is wrong with a row; None where nothing is.

        Raises
        ------
        ContractError
            If most rows make no sense.
        """
        told = [complaint(row) for row in rows]
        where: dict[str, Any] = {"venue": self._name, "endpoint": endpoint.path, "path": path}
        leave_out([what for what in told if what is not None], len(rows), **where)
        return [row for row, what in zip(rows, told, strict=True) if what is None]

    def broken(self, message: str, endpoint: Endpoint[Any], path: str = "$") -> ContractError:
        """Make an error for an answer that decodes but makes no sense."""
        return ContractError(message, venue=self._name, endpoint=endpoint.path, path=path)
