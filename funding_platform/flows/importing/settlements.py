"""What counts as a settlement in a file, and what is a sample of a rate as it ran.

Pure. A file of samples has the form of a history: a time, a rate. Summed as settlements it counts
each rate as often as it was looked at. These things tell:

======================  ==========================================================================
closer than 30 minutes  nothing settles like that; nor, more than now and then, within 50 minutes
rolling                 rates for eight hours that come every hour
within an interval      a row between two stored settlements that follow each other
finer than known        the instrument was never known to settle as often as the file has rows
held                    the rate changes on multiples of some hours only
unproven                a row every hour, and nothing says that the venue settles so often
======================  ==========================================================================

The last three are evidence, not proof, and give way to a mapping that says ``kind=settlements`` or
states the interval.
"""

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, NamedTuple

import polars as pl

from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.flows.errors import SamplesError
from funding_platform.flows.importing.slots import begins_slot, same_instrument

SHORTEST: Final = timedelta(minutes=30)
"""No two settlements are closer: the shortest interval in use is an hour, and one may be late."""

RARE: Final = timedelta(minutes=50)
"""Hourly settlements come this close when one is late; then and now, not as a rule."""

ROLLING_SHARE: Final = 0.1
"""An instrument of which more of the rows come before their interval is over has samples.

A change of interval makes one such row; a figure for 8 hours printed hourly makes all of them.
"""

SETTLE_HOURLY: Final = frozenset(
    {
        "backpack", "deribit", "drift", "dydx", "dydx_v3", "dydx_v4", "extended", "ftx",
        "hyperliquid", "kraken", "krakenfutures", "lighter", "paradex",
    }
)  # fmt: skip
"""Venues of which every perpetual settles hourly, or accrues."""

_ENOUGH: Final = 12
"""Hourly rows from which on they are taken for a habit."""

_CERTAINTY: Final = 3
"""Powers of ten against a rate that changes on the grid of a longer interval by chance."""

_HINT = (
    "samples belong into core.market_snapshots, which `funding collect` fills as time goes by; "
    "import the source's history of settled rates"
)

_LATE = timedelta(minutes=5)


class Known(NamedTuple):
    """What the lake knows of the instruments in question.

    ``finest`` has ``venue``, ``venue_symbol`` and ``finest_hours``; ``stored`` the settlements in
    and around the span, with ``funding_time``, ``interval_hours`` and ``interval_inferred``.
    """

    finest: pl.DataFrame
    stored: pl.DataFrame


def require_settlements(rows: pl.DataFrame, files: Sequence[str], known: Known) -> None:
    """Refuse rows that are samples.

    Parameters
    ----------
    rows
        What ``with_slots`` gives, with ``trusted`` where the layout is that of a venue's history
        or the mapping says that it holds settlements.
    files
        Names by the number in ``file``.

    Raises
    ------
    SamplesError
        Naming the first row that is one, and why.
    """
    _refuse_crowds(rows, files)
    slots = rows.filter(begins_slot())
    gap = pl.when(same_instrument(1)).then(pl.col("slot").diff())
    slots = slots.with_columns(gap.alias("gap")).join(
        known.finest, on=INSTRUMENT_KEY, how="left", maintain_order="left"
    )
    for instrument in slots.partition_by(INSTRUMENT_KEY, maintain_order=True):
        _refuse_close(instrument, files)
        _refuse_rolling(instrument, files)
        _refuse_finer_than_known(instrument, files)
        _refuse_held(instrument, files)
        _refuse_unproven(instrument, files)
    _refuse_within(slots, files, known.stored)


def _refuse_crowds(rows: pl.DataFrame, files: Sequence[str]) -> None:
    """Refuse three stamps of one settlement in one file; two may be one told twice."""
    third = same_instrument(2) & (pl.col("slot") == pl.col("slot").shift(2))
    if not rows.select(third.any()).item():
        return
    key = [*INSTRUMENT_KEY, "slot", "file"]
    several = rows.filter(pl.len().over(key) > 2)
    seconds = pl.col("venue_time").dt.round("1s").n_unique().over(key)
    crowd = several.filter(seconds > 2)
    if crowd.height:
        raise _samples(
            crowd.row(0, named=True), files, "several stamps within a minute of one settlement"
        )


def _refuse_close(slots: pl.DataFrame, files: Sequence[str]) -> None:
    close = slots.filter(pl.col("gap") < SHORTEST)
    frequent = slots.filter(pl.col("gap") < RARE)
    often = frequent.height > max(2, ROLLING_SHARE * slots.height)
    if not close.height and not often:
        return
    first = (close if close.height else frequent).row(0, named=True)
    spacing = _words(frequent["gap"].median())
    what = (
        f"{frequent.height} of {slots.height} rows come within an hour of the one before, most of "
        f"them after {spacing}; no perpetual settles like that"
        if often
        else f"comes {_words(first['gap'])} after the settlement before; no perpetual settles "
        "like that"
    )
    raise _samples(first, files, what)


def _refuse_rolling(slots: pl.DataFrame, files: Sequence[str]) -> None:
    """Refuse a rolling figure: one for h hours that comes again before h hours are over."""
    hours = pl.col("gap").dt.total_seconds() / 3600
    early = slots.filter(hours > 0, hours < 0.75 * pl.col("interval_hours"))
    if early.height > ROLLING_SHARE * slots["interval_hours"].count():
        row = early.row(0, named=True)
        raise _samples(
            row,
            files,
            f"{early.height} rows for {row['interval_hours']:g} hours come before these are over: "
            "a rolling figure, whose sum counts each hour several times",
            f"leave it out: --exclude '{_file_name(files[row['file']])}'",
        )


def _refuse_finer_than_known(slots: pl.DataFrame, files: Sequence[str]) -> None:
    hours = pl.col("gap").dt.total_seconds() / 3600
    doubtful = _unstated(slots)
    early = doubtful.filter(hours < 0.75 * pl.col("finest_hours"))
    if early.height > max(2, ROLLING_SHARE * doubtful.height):
        row = early.row(0, named=True)
        raise _samples(
            row,
            files,
            f"{early.height} of {slots.height} rows come after {_words(early['gap'].median())}, "
            f"and {row['venue']} is only known to settle {row['venue_symbol']} every "
            f"{row['finest_hours']:g} hours",
            _OVERRIDE,
        )


def _refuse_held(slots: pl.DataFrame, files: Sequence[str]) -> None:
    """Refuse settled rates that are held: they change on the grid of their interval only."""
    doubtful = _unstated(slots)
    step = _hours(doubtful["gap"].median())
    if doubtful.height < 4 or not step or step > 12:
        return
    changes = doubtful.filter(pl.col("funding_rate") != pl.col("funding_rate").shift())
    hour = changes["slot"].dt.epoch("s") // 3600
    for hours in (2, 4, 8, 24):
        if hours < 2 * step:
            continue
        needed = math.ceil(_CERTAINTY / math.log10(hours / step))
        phase = (hour % hours).mode()
        on_grid = int((hour % hours == phase[0]).sum()) if phase.len() else 0
        needed += phase.len() > 0 and phase[0] != 0
        if on_grid >= needed and on_grid >= 0.95 * changes.height:
            row = doubtful.row(1, named=True)
            raise _samples(
                row,
                files,
                f"a row every {_words(timedelta(hours=step))}, and all {changes.height} changes of "
                f"the rate lie {hours} hours or multiples of it apart: settled rates, held",
                _OVERRIDE,
            )


def _refuse_unproven(slots: pl.DataFrame, files: Sequence[str]) -> None:
    doubtful = _unstated(slots).filter(pl.col("finest_hours").is_null())
    if doubtful.is_empty() or doubtful["venue"][0].removeprefix("ccxt:") in SETTLE_HOURLY:
        return
    hourly = doubtful.filter(pl.col("gap") <= timedelta(hours=1.2))
    if hourly.height >= _ENOUGH and hourly.height > 0.5 * doubtful.height:
        row = hourly.row(0, named=True)
        raise _samples(
            row,
            files,
            f"a row every hour, and nothing says that {row['venue']} settles {row['venue_symbol']} "
            "so often",
            _OVERRIDE,
        )


def _refuse_within(slots: pl.DataFrame, files: Sequence[str], stored: pl.DataFrame) -> None:
    """Refuse rows between two stored settlements that follow each other: nothing was settled."""
    if stored.is_empty():
        return
    ends = (
        stored.sort(*INSTRUMENT_KEY, "funding_time")
        .with_columns(pl.col("funding_time").shift().over(INSTRUMENT_KEY).alias("begins"))
        .filter(~pl.col("interval_inferred"))
    )
    length = pl.duration(microseconds=(pl.col("stated") * 3.6e9).cast(pl.Int64))
    within = (
        slots.sort("slot")
        .join_asof(
            ends.select(
                *INSTRUMENT_KEY,
                pl.col("funding_time").alias("ends"),
                "begins",
                pl.col("interval_hours").alias("stated"),
            ).sort("ends"),
            left_on="slot",
            right_on="ends",
            by=INSTRUMENT_KEY,
            strategy="forward",
            check_sortedness=False,
        )
        .filter(
            pl.col("slot") - pl.col("begins") > _LATE,
            pl.col("ends") - pl.col("slot") > _LATE,
            ((pl.col("ends") - pl.col("begins")) - length).abs() <= _LATE,
        )
    )
    if within.height:
        row = within.sort(*INSTRUMENT_KEY, "slot").row(0, named=True)
        raise _samples(
            row,
            files,
            f"{within.height} rows lie between settlements that the lake holds and that follow "
            f"each other, such as {row['begins']:%Y-%m-%d %H:%M} and {row['ends']:%H:%M}",
        )


_OVERRIDE = (
    f"{_HINT}. If these are settlements, say so: --map kind=settlements, or name the column of the "
    "interval; `funding collect` lets the lake know how often an instrument settles"
)


def _unstated(slots: pl.DataFrame) -> pl.DataFrame:
    """Return rows of which neither file nor layout says that they are settlements."""
    return slots.filter(~pl.col("trusted"), pl.col("interval_hours").is_null())


def _samples(
    row: dict[str, object], files: Sequence[str], what: str, hint: str = _HINT
) -> SamplesError:
    number, line = row["file"], row["line"]
    assert isinstance(number, int)
    assert isinstance(line, int)
    return SamplesError(
        files[number],
        f"{row['venue']} {row['venue_symbol']}: {what}: samples of a rate as it ran",
        line=line,
        hint=hint,
    )


def _file_name(file: str) -> str:
    return file.rpartition("!")[2].rpartition("/")[2]


def _hours(gap: object) -> float | None:
    return gap.total_seconds() / 3600 if isinstance(gap, timedelta) else None


def _words(gap: object) -> str:
    """Spell a length of time as people say it."""
    if not isinstance(gap, timedelta):
        return "less"
    seconds = gap.total_seconds()
    if seconds < 120:
        return f"{seconds:g} seconds"
    return f"{seconds / 60:g} minutes" if seconds < 7200 else f"{seconds / 3600:g} hours"
