"""The curve table: from settlements and predictions to ``features.curve_snapshots``.

Frames come in, arrays do the work in ``inputs``, ``phases``, ``windows`` and ``strips``, and one
frame goes out. Nothing here knows the time: ``window`` says how far the world has come.
"""

from datetime import datetime

import polars as pl

from funding_platform.core.frames import Frame, polars_frame
from funding_platform.core.intervals import as_known_in_time
from funding_platform.core.tables.collected import FUNDING_RATES, MARKET_SNAPSHOTS
from funding_platform.core.tables.features.curves import BUCKETS, CURVE_SNAPSHOTS
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.core.time_grid import LATENESS, TENOR, Window, to_us
from funding_platform.curves.errors import CurveError
from funding_platform.curves.inputs import Instruments, read_predictions, read_settlements
from funding_platform.curves.phases import Phases
from funding_platform.curves.strips import Emission, Strips, live_strips, settled_strips
from funding_platform.curves.windows import LOOK_BACK, window_grid


def build_curves(
    settlements: Frame,
    window: Window,
    *,
    predictions: Frame | None = None,
    emission: Emission = "roll",
) -> pl.DataFrame:
    """Build the funding term structure at every roll: eight 8-hour windows as compounded yields.

    ``b_k = (1 + r_8h) ** 1095 - 1`` of the window ``k`` tenors back, where ``r_8h`` is the sum of
    what settled in it. ``curves.windows`` says how settlements map to windows, ``curves.phases``
    where windows end, ``curves.strips`` how gaps are filled.

    A settled strip stands at every boundary in ``window`` from which at least one of the eight
    windows is known: from an instrument's first settled window to seven windows after its last.
    It depends on nothing that was due after its boundary, and therefore cannot tell a settlement
    that is lost from one not yet made: ``window`` must not reach into the future. A live strip
    stands at every boundary for whose running window a rate was predicted, or wherever
    ``emission`` puts it.

    ``available_at`` is the as-of time, or when the last settlement used or the prediction came if
    that is later. That nothing settled at a boundary is known half an hour after it.

    Frames are of Polars, pandas or Arrow.

    Parameters
    ----------
    settlements
        Columns of ``core.funding_rates`` (``venue``, ``venue_symbol``, ``funding_time``,
        ``funding_rate``, ``interval_hours``), in any order, from ``LOOK_BACK`` before the
        window's start to half an hour after its end. What lies outside is not looked at. Where
        ``interval_inferred`` is there too, intervals are those known at the settlement
        (``core.intervals.as_known_in_time``), and rows from twelve hours earlier on are wanted.
    window
        The as-of times wanted. Its end is at most the present.
    predictions
        Columns of ``core.market_snapshots`` (``venue``, ``venue_symbol``, ``predicted_rate``,
        ``interval_hours``, ``next_funding_time``, ``observed_at``), in any order, from eight hours
        before the window's start to eight hours after its end. Without them there are no live
        strips.
    emission
        When live strips are emitted: ``roll``, ``collection`` or ``grid``, see ``curves.strips``.

    Returns
    -------
    polars.DataFrame
        ``features.curve_snapshots``, sorted by its key.

    Raises
    ------
    CurveError
        If a rate or an interval is out of bounds or not a number, two settlements contradict each
        other, or rates cannot be compounded, all with the symbol and the time; or if what is
        given is no frame.
    """
    rates = FUNDING_RATES.typed(polars_frame("settlements", settlements, CurveError))
    rates = _between(
        as_known_in_time(rates), "funding_time", window.start - LOOK_BACK, window.end + LATENESS
    )
    given = MARKET_SNAPSHOTS.empty() if predictions is None else predictions
    seen = MARKET_SNAPSHOTS.typed(polars_frame("predictions", given, CurveError))
    seen = _between(seen, "observed_at", window.start - TENOR, window.end + TENOR)
    instruments = Instruments(rates, seen)
    settled = read_settlements(rates, instruments)
    predicted = read_predictions(seen, instruments)
    phases = Phases(settled, len(instruments))
    start, end = to_us(window.start), to_us(window.end)

    pieces, live = [], []
    for phase in phases:
        grid = window_grid(phases.settlements(phase), phase, instruments)
        strips = settled_strips(grid, phases, start, end)
        pieces.append(strips_frame(strips, "settled", instruments))
        if len(predicted.observed):
            strips = live_strips(grid, phases, predicted, instruments, start, end, emission)
            boundary = pl.Series("boundary", strips.boundary)
            live.append(strips_frame(strips, "live", instruments).with_columns(boundary))
    if live:
        pieces.append(one_per_instant(pl.concat(live)))
    filled = [piece for piece in pieces if len(piece)]
    if len(filled) > 1:
        return pl.concat(filled).sort(CURVE_SNAPSHOTS.key)
    return filled[0] if filled else CURVE_SNAPSHOTS.empty()


def one_per_instant(live: pl.DataFrame) -> pl.DataFrame:
    """Keep one of the strips that phases' boundaries give just after a change of phase.

    That is the one available first, whatever settles later, and of equals the newest boundary's.
    """
    ordered = live.sort(
        *CURVE_SNAPSHOTS.key,
        "available_at",
        "boundary",
        descending=[False] * len(CURVE_SNAPSHOTS.key) + [False, True],
    )
    return ordered.unique(CURVE_SNAPSHOTS.key, keep="first", maintain_order=True).drop("boundary")


def _between(frame: pl.DataFrame, time: str, start: datetime, end: datetime) -> pl.DataFrame:
    """Keep the rows whose time lies within the bounds, both included."""
    return frame.filter(pl.col(time).is_between(start, end))


def strips_frame(strips: Strips, kind: str, instruments: Instruments) -> pl.DataFrame:
    """Lay out strips as rows of the table."""
    names = instruments.names[strips.instrument]
    return pl.DataFrame(
        {
            "venue": names["venue"],
            "venue_symbol": names["venue_symbol"],
            "as_of": pl.Series(strips.as_of).cast(UTC_TIME),
            "kind": pl.repeat(kind, len(names), eager=True),
            **{
                name: pl.Series(bucket, nan_to_null=True)
                for name, bucket in zip(BUCKETS, strips.buckets, strict=True)
            },
            "n_interpolated": strips.n_interpolated,
            "usable": strips.usable,
            "available_at": pl.Series(strips.available).cast(UTC_TIME),
        }
    )
