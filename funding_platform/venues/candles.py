"""Rows by the hour: bars of perpetuals and of spot markets, and open interest through time.

Each table has a strict call, which raises what goes wrong with any symbol, and a lenient twin whose
name ends in ``_history``. A row is complete when its hour is over, whatever the venue says of it:
what still runs is passed over, without a word.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl

from funding_platform.core.tables.prices import OPEN_INTEREST, PRICE_CANDLES, SPOT_CANDLES
from funding_platform.core.tables.schema import Table, instant
from funding_platform.core.time_grid import Window
from funding_platform.venues.errors import UnknownSymbolError
from funding_platform.venues.listed import Listed, Remembered
from funding_platform.venues.paging.pager import Ask, Ended
from funding_platform.venues.paging.series import Series
from funding_platform.venues.parsing.candles import (
    SPOT,
    Candle,
    CandlePage,
    InterestPage,
    InterestPoint,
    SpotListing,
    candles_of,
    dollar_markets,
    interest_of,
    spot_base,
)
from funding_platform.venues.parsing.history import Coverage, Reading
from funding_platform.venues.parsing.hourly import (
    HourlyHistory,
    Hours,
    Life,
    build_hourly,
    candles_frame,
    covered,
    due_window,
    points_frame,
)
from funding_platform.venues.parsing.leniency import leaving_out
from funding_platform.venues.parsing.records import Listing, PageOf
from funding_platform.venues.parsing.sound_hours import sound_candles, sound_points
from funding_platform.venues.reading import Said, kept_since, read_pages
from funding_platform.venues.rest.http import HttpClient
from funding_platform.venues.specification import CandleSpec, HourlySpec

_NO_LIFE = Life(quote=None, listed_ms=None, trades=False)


def _nothing(symbol: str) -> None:
    """Tell nobody."""


class _Asked(NamedTuple):
    """One table of a venue: how it is asked for, and how rows become it."""

    table: Table
    series: Series[Any]
    spec: HourlySpec
    fetch: Callable[[str, Ask], Awaitable[PageOf[Any]]]
    sound: Callable[
        [Sequence[Any], Mapping[int, str], Mapping[str, Any]], tuple[list[Any], list[int]]
    ]
    frame: Callable[[Sequence[Any], Life], pl.DataFrame]


class HourlyVenue(Listed):
    """Reads a venue's rows by the hour."""

    def __init__(self, http: HttpClient, clock: Callable[[], datetime]) -> None:
        super().__init__(http, clock)
        self._remembered_spot: Remembered[dict[str, SpotListing]] = Remembered()

    async def fetch_candles(self, symbol: str, kind: str, ask: Ask) -> CandlePage:
        """Fetch one page of a perpetual's bars."""
        raise self.spec.not_offered(PRICE_CANDLES)

    async def fetch_spot_listings(self) -> list[SpotListing]:
        """List every spot market that the venue has."""
        raise self.spec.not_offered(SPOT_CANDLES)

    async def fetch_spot_candles(self, symbol: str, ask: Ask) -> CandlePage:
        """Fetch one page of a spot market's bars."""
        raise self.spec.not_offered(SPOT_CANDLES)

    async def fetch_open_interest(self, symbol: str, ask: Ask) -> InterestPage:
        """Fetch one page of a perpetual's open interest."""
        raise self.spec.not_offered(OPEN_INTEREST)

    async def candles(
        self, symbols: Iterable[str], start: datetime, end: datetime, kind: str
    ) -> pl.DataFrame:
        """Fetch bars that begin from ``start`` on and before ``end``: ``core.price_candles``.

        Parameters
        ----------
        symbols
            The venue's own symbols.
        start, end
            From when to when.
        kind
            One of ``spec.candle_kinds``.

        Raises
        ------
        NotOfferedError
            If the venue has none of that kind.
        VenueError
            If any symbol fails.
        """
        return self._strict(await self.candle_history(symbols, Window(start, end), kind))

    async def candle_history(
        self, symbols: Iterable[str], window: Window, kind: str, *, on_symbol: Said = _nothing
    ) -> HourlyHistory:
        """Fetch the bars of many symbols, where one that fails costs only itself.

        Raises
        ------
        NotOfferedError
            If the venue has none of that kind.
        VenueError
            If the failure concerns the whole venue.
        """
        spec = self.spec.candles_of(kind)

        async def fetch(symbol: str, ask: Ask) -> CandlePage:
            return await self.fetch_candles(symbol, kind, ask)

        def frame(rows: Sequence[Candle], life: Life) -> pl.DataFrame:
            return candles_frame(PRICE_CANDLES, self.spec.name, rows, life, kind=kind)

        asked = _Asked(PRICE_CANDLES, candles_of(kind), spec, fetch, sound_candles, frame)
        return await self._hourly(asked, symbols, await self._lives(), window, on_symbol)

    async def spot_candles(
        self, markets: Iterable[str], start: datetime, end: datetime
    ) -> pl.DataFrame:
        """Fetch bars of spot markets that begin from ``start`` on and before ``end``.

        Parameters
        ----------
        markets
            The venue's own symbols, or canonical bases: of a base its market against the dollar, or
            against what counts as one, in the order of ``DOLLARS``.
        start, end
            From when to when.

        Returns
        -------
        polars.DataFrame
            Rows of ``core.spot_candles``.

        Raises
        ------
        NotOfferedError
            If the venue has no spot market.
        VenueError
            If any market fails, or is not listed.
        """
        return self._strict(await self.spot_candle_history(markets, Window(start, end)))

    async def spot_candle_history(
        self, markets: Iterable[str], window: Window, *, on_symbol: Said = _nothing
    ) -> HourlyHistory:
        """Fetch the bars of many markets, where one that fails costs only itself."""
        if (spec := self.spec.spot_candles) is None:
            raise self.spec.not_offered(SPOT_CANDLES)
        listed = await self.spot_markets()
        of_base = dollar_markets(listed)
        lives = {
            symbol: Life(listing.quote, None, listing.trades, spot_base(listing))
            for symbol, listing in listed.items()
        }

        async def fetch(symbol: str, ask: Ask) -> CandlePage:
            if symbol not in listed:
                raise UnknownSymbolError(f"lists no market {symbol}", venue=self.spec.name)
            return await self.fetch_spot_candles(symbol, ask)

        def frame(rows: Sequence[Candle], life: Life) -> pl.DataFrame:
            return candles_frame(SPOT_CANDLES, self.spec.name, rows, life)

        asked = _Asked(SPOT_CANDLES, candles_of(SPOT), spec, fetch, sound_candles, frame)
        symbols = [name if name in listed else of_base.get(name, name) for name in markets]
        return await self._hourly(asked, symbols, lives, window, on_symbol)

    async def spot_markets(self) -> Mapping[str, SpotListing]:
        """Fetch the venue's spot markets by symbol, at most once an hour.

        Raises
        ------
        NotOfferedError
            If the venue has none.
        """
        return await self._remembered_spot.get(self._clock(), self._ask_spot)

    async def _ask_spot(self) -> dict[str, SpotListing]:
        names = ("venue_symbol", "base", "quote")
        return await self.by_symbol(self.fetch_spot_listings, names, "spot markets")

    async def open_interest(
        self, symbols: Iterable[str], start: datetime, end: datetime
    ) -> pl.DataFrame:
        """Fetch open interest from ``start`` on and before ``end``: ``core.open_interest``.

        Raises
        ------
        NotOfferedError
            If the venue does not keep it.
        VenueError
            If any symbol fails.
        """
        return self._strict(await self.open_interest_history(symbols, Window(start, end)))

    async def open_interest_history(
        self, symbols: Iterable[str], window: Window, *, on_symbol: Said = _nothing
    ) -> HourlyHistory:
        """Fetch the open interest of many symbols, where one that fails costs only itself."""
        if (spec := self.spec.open_interest) is None:
            raise self.spec.not_offered(OPEN_INTEREST)
        lasts = spec.lasts

        def frame(rows: Sequence[InterestPoint], life: Life) -> pl.DataFrame:
            return points_frame(self.spec.name, rows, life, lasts)

        series, fetch = interest_of(lasts), self.fetch_open_interest
        asked = _Asked(OPEN_INTEREST, series, spec, fetch, sound_points, frame)
        return await self._hourly(asked, symbols, await self._lives(), window, on_symbol)

    async def _lives(self) -> dict[str, Life]:
        listed = await self.listed()
        return {symbol: self._life(listing) for symbol, listing in listed.items()}

    def _life(self, listing: Listing) -> Life:
        trades = self.spec.statuses.get(listing.status) == "trading"
        return Life(listing.quote, listing.listed_ms or None, trades)

    def _strict(self, history: HourlyHistory) -> pl.DataFrame:
        for failure in history.failures.values():
            raise failure
        self.warnings.extend(history.left_out)
        return history.frame

    async def _hourly(
        self,
        asked: _Asked,
        symbols: Iterable[str],
        lives: Mapping[str, Life],
        window: Window,
        on_symbol: Said,
    ) -> HourlyHistory:
        now = self._clock()
        due = due_window(window, asked.spec.lasts, now)

        async def read(symbol: str) -> Hours:
            life = lives.get(symbol, _NO_LIFE)
            return await self._hours(asked, symbol, life, due, now)

        found = await self.read_each(symbols, asked.series.subject, read, on_symbol)
        return build_hourly(
            asked.table, self.spec.name, found.readings, found.failures, found.observed_at
        )

    async def _hours(
        self, asked: _Asked, symbol: str, life: Life, due: Window | None, now: datetime
    ) -> Hours:
        """Read one symbol's rows of the part of the window whose hours are over."""
        spec, series = asked.spec, asked.series
        if due is None:
            empty = asked.table.empty().drop("observed_at")
            return Hours(empty, (), Coverage(0, 0, None, None, 0, Ended.RUNNING_PRESENT))
        where = {"venue": self.spec.name, "endpoint": f"{series.subject} of {symbol}"}
        pager = spec.pager(self.spec.name, symbol, due, spec.page_size, now, series, spec.page_span)
        with leaving_out(where["endpoint"]) as lost:
            ended = await read_pages(pager, lambda ask: asked.fetch(symbol, ask))
            rows, empty_ms = asked.sound(pager.rows, pager.contradictions, where)
            frame = asked.frame(rows, life)
        since = kept_since(now, spec.depth)
        reading = Reading.of(pager, ended, due, since, lost.errors)
        time = asked.table.key[-1]
        rows_ms = frame[time].dt.epoch("ms").to_list()
        coverage, missing_ms = covered(
            due,
            life,
            rows_ms=rows_ms,
            empty_ms=empty_ms,
            omits=isinstance(spec, CandleSpec) and spec.empty_bars == "omitted",
            reading=reading,
        )
        start, end = instant(due.start), instant(due.end)
        inside = frame.filter(pl.col(time) >= start, pl.col(time) < end)
        return Hours(inside, missing_ms, coverage, reading.left_out)
