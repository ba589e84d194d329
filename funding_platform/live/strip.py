"""The curve as the market stands: the running window at its predicted rate, and what has settled.

``b0`` moves with the board, ``b1`` to ``b7`` with what the lake has of settlements, which is handed
in before the first prediction comes, so that a whole strip comes with it. All arithmetic is that of
``curves``; here it is kept between calls what depends on settlements alone.

When a strip is emitted is a choice, as in ``curves.strips``:

- ``update``: with every prediction that differs from the one before, or is the first of an hour;
  as of when it came.
- ``minute`` and ``grid``: at every minute, or every ten, with the newest prediction of the running
  window; as of that instant. Where nobody looked for longer, only at the newest of them.
- ``roll``: once a window, with its first prediction; as of the boundary.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

import numpy as np
import polars as pl

from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.frames import Frame
from funding_platform.core.intervals import as_known_in_time
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.features.curves import CURVE_FACTORS, CURVE_KEY, CURVE_SNAPSHOTS
from funding_platform.core.time_grid import HOUR_US, to_us
from funding_platform.curves.factors import curve_factors
from funding_platform.curves.inputs import Instruments, read_predictions, read_settlements
from funding_platform.curves.phases import Phases
from funding_platform.curves.snapshots import one_per_instant, strips_frame
from funding_platform.curves.strips import GRID_US, Emission, live_strips
from funding_platform.curves.windows import WindowGrid, window_grid
from funding_platform.live.board.rules import FIELD
from funding_platform.live.board.view import NO_TIME, BoardView, times

LiveEmission: TypeAlias = Literal["update", "minute", "grid", "roll"]

_STEPS: Final = {"minute": 60_000_000, "grid": GRID_US}
"""Of the emissions at instants: how far apart they are, in microseconds."""

_OF_CURVES: Final[dict[LiveEmission, Emission]] = {
    "update": "collection",
    "minute": "grid",
    "grid": "grid",
    "roll": "roll",
}

_WHENEVER: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class _Told:
    """The newest prediction of each row of the board; arrays of shape (n,), NaN where unknown.

    A rate that the venue takes back, or that is of no known interval, predicts nothing.
    """

    rate: Floats
    interval: Floats
    due_ms: Floats
    observed_us: Ints

    @classmethod
    def nothing(cls, size: int) -> "_Told":
        unknown = np.full(size, np.nan)
        return cls(unknown, unknown, unknown, np.full(size, NO_TIME))

    @classmethod
    def of(cls, view: BoardView) -> "_Told":
        return cls(
            view.column("predicted_rate"),
            view.interval_hours,
            view.column("next_funding_ms"),
            view.received_us[FIELD["predicted_rate"]],
        )

    def padded(self, size: int) -> "_Told":
        """Lengthen it by rows of which nothing is known."""
        more = _Told.nothing(size - len(self.rate))
        return _Told(*(np.concatenate(both) for both in zip(self._all(), more._all(), strict=True)))

    def merged(self, newer: "_Told", where: Flags) -> "_Told":
        """Take over some rows of another."""
        return _Told(
            *(np.where(where, b, a) for a, b in zip(self._all(), newer._all(), strict=True))
        )

    def same(self, other: "_Told") -> Flags:
        """Tell where both predict the same."""
        pairs = zip(self._all()[:3], other._all()[:3], strict=True)
        equal: list[Flags] = [(a == b) | (np.isnan(a) & np.isnan(b)) for a, b in pairs]
        return equal[0] & equal[1] & equal[2]

    def _all(self) -> tuple[Floats, Floats, Floats, Ints]:
        return self.rate, self.interval, self.due_ms, self.observed_us


class LiveStrips:
    """The live strips of a board.

    Parameters
    ----------
    settlements
        Columns of ``core.funding_rates``, of the last ``curves.LOOK_BACK`` and twelve hours more;
        ``take`` replaces them when the lake has newer ones.
    emission
        When strips are emitted.

    Raises
    ------
    CurveError
        If settlements contradict each other or are out of bounds.
    """

    def __init__(self, settlements: pl.DataFrame, emission: LiveEmission) -> None:
        self._emission = emission
        self._listed: pl.DataFrame | None = None
        self._told = _Told.nothing(0)
        self._ticked: int | None = None
        self._rolled: dict[tuple[str, str], datetime] = {}
        self.take(settlements)

    def take(self, settlements: pl.DataFrame) -> None:
        """Go on with what has settled since."""
        self._settlements = as_known_in_time(FUNDING_RATES.typed(settlements))
        self._number(self._listed)

    def observe(self, view: BoardView, now: datetime) -> pl.DataFrame:
        """Take the board's predictions and return the strips that are emitted for it.

        Parameters
        ----------
        view
            The board, not older than the one before.
        now
            When it was taken, not before its newest update.

        Returns
        -------
        polars.DataFrame
            ``features.curve_snapshots``, of kind ``live``.

        Raises
        ------
        CurveError
            If a predicted rate cannot be compounded.
        """
        if view.instruments is not self._listed:
            self._number(view.instruments)
            self._told = self._told.padded(len(view))
        before, newest = self._told, _Told.of(view)
        came = (newest.observed_us > before.observed_us) & ~np.isnan(newest.rate + newest.interval)
        self._told = before.merged(newest, came)
        if self._emission in _STEPS:
            return self._at_instants(before, newest, came, to_us(now))
        if self._emission == "update":
            came &= ~before.same(newest) | _opens_hour(before, newest)
            return self._strips(newest, came)
        return self._first_of_windows(self._strips(newest, came))

    def _number(self, listed: pl.DataFrame | None) -> None:
        """Lay out the settled windows anew, for instruments or settlements are others."""
        rates, self._listed = self._settlements, listed
        names = [rates] if listed is None else [rates, listed]
        self._instruments = Instruments(*(frame.select(INSTRUMENT_KEY) for frame in names))
        settled = read_settlements(rates, self._instruments)
        self._phases = Phases(settled, len(self._instruments))
        self._grids: list[WindowGrid] = [
            window_grid(self._phases.settlements(phase), phase, self._instruments)
            for phase in self._phases
        ]

    def _at_instants(self, before: _Told, newest: _Told, came: Flags, now: int) -> pl.DataFrame:
        """Emit at the newest instant that has passed, with what had come by then."""
        step = _STEPS[self._emission]
        instant = now // step * step
        passed = self._ticked is not None and instant > self._ticked
        self._ticked = instant
        if not passed:
            return CURVE_SNAPSHOTS.empty()
        by_then = before.merged(newest, came & (newest.observed_us <= instant))
        known = by_then.observed_us != NO_TIME
        return self._strips(by_then, known, instant, instant + 1, step)

    def _first_of_windows(self, strips: pl.DataFrame) -> pl.DataFrame:
        """Leave out those of windows that have had their strip."""
        fresh = []
        for venue, symbol, as_of in strips.select(*INSTRUMENT_KEY, "as_of").iter_rows():
            last = self._rolled.get((venue, symbol))
            fresh.append(last is None or as_of > last)
            if fresh[-1]:
                self._rolled[venue, symbol] = as_of
        return strips.filter(pl.Series(fresh, dtype=pl.Boolean))

    def _strips(
        self,
        told: _Told,
        rows: Flags,
        start: int = 0,
        end: int = _WHENEVER,
        step_us: int = GRID_US,
    ) -> pl.DataFrame:
        wanted = np.flatnonzero(rows)
        if self._listed is None or not wanted.size:
            return CURVE_SNAPSHOTS.empty()
        frame = self._listed[wanted].select(
            *INSTRUMENT_KEY,
            times("observed_at", told.observed_us[wanted].astype(np.float64)),
            pl.Series("predicted_rate", told.rate[wanted], nan_to_null=True),
            pl.Series("interval_hours", told.interval[wanted], nan_to_null=True),
            times("next_funding_time", told.due_ms[wanted] * 1e3),
        )
        predictions = read_predictions(frame, self._instruments)
        emission = _OF_CURVES[self._emission]
        pieces = []
        for grid in self._grids:
            strips = live_strips(
                grid, self._phases, predictions, self._instruments, start, end, emission, step_us
            )
            boundary = pl.Series("boundary", strips.boundary)
            pieces.append(strips_frame(strips, "live", self._instruments).with_columns(boundary))
        return one_per_instant(pl.concat(pieces)).sort(CURVE_KEY)


def live_factors(
    strips: pl.DataFrame,
    settled: pl.DataFrame,
    *,
    instruments: Frame | None = None,
    snapshots: Frame | None = None,
) -> pl.DataFrame:
    """Compute the factors of live strips, as ``curves.curve_factors`` does.

    Parameters
    ----------
    strips
        As ``LiveStrips.observe`` returned them; dispersion is among those of one instant.
    settled
        ``features.curve_snapshots`` of kind ``settled`` of the last ``factors.FACTOR_LOOK_BACK``.
    instruments, snapshots
        As for ``curve_factors``.

    Returns
    -------
    polars.DataFrame
        ``features.curve_factors``, one row per live strip, sorted by its key.

    Raises
    ------
    CurveError
        If what is given is no frame.
    """
    own = strips.select(INSTRUMENT_KEY).unique()
    past = CURVE_SNAPSHOTS.typed(settled).join(own, on=INSTRUMENT_KEY, how="semi")
    both = pl.concat([CURVE_SNAPSHOTS.conform(past), CURVE_SNAPSHOTS.conform(strips)])
    since = strips.select(pl.col("as_of").min()).item()
    found = curve_factors(both, instruments=instruments, snapshots=snapshots, since=since)
    return CURVE_FACTORS.conform(found.filter(pl.col("kind") == "live"))


def _opens_hour(before: _Told, newest: _Told) -> Flags:
    """Tell where a prediction is the first after a full hour, at which any window may begin."""
    opens: Flags = before.observed_us // HOUR_US != newest.observed_us // HOUR_US
    return opens
