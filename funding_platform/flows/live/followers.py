"""What follows the board with something of the lake beside it: opportunities, curves, factors.

What the lake has is read anew every few minutes, in a thread of its own, so that a build of the
marts or a collection is seen soon after, and a lake that is not there, not built or locked costs
only what depends on it.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, TypeVar

import polars as pl

from funding_platform.core.errors import FundingError
from funding_platform.core.market.listings import of_current_listing
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.features.curves import CURVE_SNAPSHOTS
from funding_platform.curves import LOOK_BACK
from funding_platform.curves.factors import FACTOR_LOOK_BACK
from funding_platform.flows.collection.listings import stored_starts
from funding_platform.flows.live.given import given_for_pairs
from funding_platform.flows.queries.connection import answer
from funding_platform.lake import connect
from funding_platform.live.board.view import BoardView
from funding_platform.live.pairs.table import Given, PairTable
from funding_platform.live.strip import LiveStrips, live_factors
from funding_platform.settings import Settings

_LOG = logging.getLogger(__name__)

READ_EVERY_SECONDS: Final = 300.0

BEST_PAIRS: Final = 500
"""More than a terminal has lines."""

_SETTLED_OVER: Final = LOOK_BACK + timedelta(hours=12)
_SETTLED: Final = "FROM core.funding_rates WHERE funding_time >= $since"
_SETTLED_CURVES: Final = """
FROM features.curve_snapshots AS c SEMI JOIN core.instruments AS i
    ON i.venue = c.venue AND i.venue_symbol = c.venue_symbol AND list_contains($bases, i.base)
WHERE c.kind = 'settled' AND c.as_of >= $since
"""
_WATCHED: Final = """
SELECT venue, venue_symbol, base, asset_class FROM core.instruments
WHERE list_contains($bases, base)
"""

T = TypeVar("T")


class Follower(ABC, Generic[T]):
    """Follows the board.

    Parameters
    ----------
    settings
        Say where the lake is.
    """

    what: str
    """What there is none of while the lake cannot be read, for the log."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._fresh: T | None = None
        self._trouble = ""

    async def keep(self) -> None:
        """Read what the lake has, again and again; a trouble is logged when it begins."""
        while True:
            try:
                self._fresh = await asyncio.to_thread(self.read)
                self._trouble = ""
            except FundingError as error:
                self._note(error)
            await asyncio.sleep(READ_EVERY_SECONDS)

    def follow(self, view: BoardView, now: datetime) -> pl.DataFrame | None:
        """Return what is to be shown as the board stands; None while that cannot be told."""
        fresh, self._fresh = self._fresh, None
        try:
            if fresh is not None:
                self.take(fresh)
            return self.shown(view, now)
        except FundingError as error:
            self._note(error)
            return None

    @abstractmethod
    def read(self) -> T:
        """Read from the lake."""

    @abstractmethod
    def take(self, fresh: T) -> None:
        """Go on with what was read."""

    @abstractmethod
    def shown(self, view: BoardView, now: datetime) -> pl.DataFrame | None:
        """Work out what is shown; None before anything was read."""

    def _note(self, error: FundingError) -> None:
        if error.message != self._trouble:
            _LOG.warning("no live %s for now: %s", self.what, error)
        self._trouble = error.message


class Pairs(Follower[Given]):
    """The best pairs as the board stands, with the columns of ``marts.opportunities``."""

    what = "opportunities"
    _table: PairTable | None = None

    def read(self) -> Given:
        """Read fees, limits and the past of pairs; needs the marts."""
        with connect(self._settings) as lake:
            return given_for_pairs(lake)

    def take(self, fresh: Given) -> None:
        """Work all pairs out anew."""
        if self._table is None:
            self._table = PairTable(fresh)
        else:
            self._table.take(fresh)

    def shown(self, view: BoardView, now: datetime) -> pl.DataFrame | None:
        """Work out the pairs of which a leg has moved, and show the best.

        All of them are some 20 MB at 300 symbols a venue, too much to be handed out every second.
        """
        if self._table is None:
            return None
        self._table.update(view)
        return self._table.frame(self._table.best(BEST_PAIRS))


class Strips(Follower[pl.DataFrame]):
    """The newest live strip of every instrument: columns of ``features.curve_snapshots``."""

    what = "curves"
    _strips: LiveStrips | None = None
    _newest: pl.DataFrame | None = None

    def read(self) -> pl.DataFrame:
        """Read what has settled lately."""
        since = datetime.now(UTC) - _SETTLED_OVER
        with connect(self._settings) as lake:
            settled = answer(lake, FUNDING_RATES.polars_schema, _SETTLED, {"since": since})
            return of_current_listing(settled, stored_starts(lake), "funding_time")

    def take(self, fresh: pl.DataFrame) -> None:
        """Go on with what has settled since."""
        if self._strips is None:
            self._strips = LiveStrips(fresh, "update")
        else:
            self._strips.take(fresh)

    def shown(self, view: BoardView, now: datetime) -> pl.DataFrame | None:
        """Emit strips for what moved, and show the newest of each instrument."""
        if self._strips is None:
            return None
        emitted = self._strips.observe(view, now)
        before = emitted.clear() if self._newest is None else self._newest
        self._newest = pl.concat([before, emitted]).unique(
            INSTRUMENT_KEY, keep="last", maintain_order=True
        )
        return self._newest

    @property
    def newest(self) -> pl.DataFrame | None:
        """What was shown last."""
        return self._newest


class Factors(Follower[tuple[pl.DataFrame, pl.DataFrame]]):
    """Factors of the newest live strips of the bases whose curves are watched.

    Their past is what has settled in four weeks, so they are worked out once a minute: an alert is
    not looked for more often.

    Parameters
    ----------
    settings
        Say where the lake is, and which bases are watched.
    strips
        Whose strips they are; it follows the board before this one does.
    """

    what = "curve factors"
    _past: tuple[pl.DataFrame, pl.DataFrame] | None = None
    _shown: pl.DataFrame | None = None
    _minute: datetime | None = None

    def __init__(self, settings: Settings, strips: Strips) -> None:
        super().__init__(settings)
        self._strips = strips

    def read(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Read the watched instruments and their settled curves; needs the curves."""
        since, bases = datetime.now(UTC) - FACTOR_LOOK_BACK, list(self._settings.alert_bases)
        with connect(self._settings) as lake:
            settled = answer(
                lake,
                CURVE_SNAPSHOTS.polars_schema,
                _SETTLED_CURVES,
                {"since": since, "bases": bases},
            )
            return lake.execute(_WATCHED, {"bases": bases}).pl(), settled

    def take(self, fresh: tuple[pl.DataFrame, pl.DataFrame]) -> None:
        """Go on with what has settled since."""
        self._past, self._minute = fresh, None

    def shown(self, view: BoardView, now: datetime) -> pl.DataFrame | None:
        """Work the factors out anew with every minute."""
        minute = now.replace(second=0, microsecond=0)
        strips = self._strips.newest
        if self._past is None or strips is None:
            return None
        if minute != self._minute:
            instruments, settled = self._past
            watched = strips.join(instruments, on=INSTRUMENT_KEY, how="semi")
            self._shown = live_factors(watched, settled, instruments=instruments)
            self._minute = minute
        return self._shown
