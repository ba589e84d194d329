"""Features as they were known at an instant, or at many: the point-in-time join.

A row of ``features.feature_store`` is known from its ``available_at`` on. At an instant the newest
row known by then speaks for its instrument, for as long as ``max_age``; one that a newer row was
already known before never speaks. A correction that arrived later is in the table all the same: to
have the table as it stood, open the lake with ``open_lake(as_of=...)``.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import duckdb
import polars as pl

from funding_platform.core.frames import Frame, polars_frame
from funding_platform.core.market.current import CURRENT_WITHIN
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.tables.features.store import FEATURE_STORE
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.flows.errors import FlowError, NothingStoredError
from funding_platform.flows.queries.connection import answer

MAX_AGE: Final = CURRENT_WITHIN
"""How old the newest features of an instrument may be, after which it is silent."""

INSTANT: Final = "instant"
"""The column of a frame of instants, and of the answer to one."""

_SCHEMA: Final = pl.Schema({INSTANT: UTC_TIME, **FEATURE_STORE.polars_schema})

_SPAN: Final = "kind = $kind AND as_of > $oldest AND as_of <= $newest AND available_at <= $newest"
_AT_ONE: Final = f"""
SELECT $newest AS instant, * FROM {FEATURE_STORE.full_name} WHERE {_SPAN}
QUALIFY row_number() OVER (PARTITION BY venue, venue_symbol ORDER BY as_of DESC) = 1
ORDER BY venue, venue_symbol
"""

# Rows and questions are put on one time line, on which the newest row so far answers a question.
# Only keys and times are sorted; the width of the store is read of the rows found.
_AT_MANY: Final = f"""
WITH known AS (
    SELECT venue, venue_symbol, as_of, greatest(available_at, as_of) AS known_at
    FROM {FEATURE_STORE.full_name} {{of_instruments}} WHERE {_SPAN}
), timeline AS (
    SELECT venue, venue_symbol, known_at AS time, as_of, NULL AS oldest FROM known
    UNION ALL
    SELECT venue, venue_symbol, instant, NULL, oldest FROM ({{questions}})
), answers AS (
    SELECT time AS instant, venue, venue_symbol, CASE WHEN newest > oldest THEN newest END AS as_of
    FROM (
        SELECT *, max(as_of) OVER (
            PARTITION BY venue, venue_symbol ORDER BY time RANGE UNBOUNDED PRECEDING
        ) AS newest FROM timeline
    ) WHERE oldest IS NOT NULL
)
FROM answers {{join}} JOIN (FROM {FEATURE_STORE.full_name} WHERE {_SPAN})
    USING (venue, venue_symbol, as_of)
ORDER BY instant, venue, venue_symbol
"""
_AT_MANY_OF_NAMED: Final = _AT_MANY.format(
    of_instruments="SEMI JOIN asked USING (venue, venue_symbol)",
    questions="FROM asked",
    join="LEFT",
)
_AT_MANY_OF_ALL: Final = _AT_MANY.format(
    of_instruments="",
    questions="FROM asked CROSS JOIN (SELECT DISTINCT venue, venue_symbol FROM known)",
    join="INNER",
)

_BASES: Final = "SELECT venue, venue_symbol, base AS listed_base FROM core.instruments"
_LISTED: Final = pl.Schema(dict.fromkeys((*INSTRUMENT_KEY, "listed_base"), pl.String()))


def get_features(
    connection: duckdb.DuckDBPyConnection,
    as_of: datetime | Iterable[datetime] | Frame,
    instruments: Iterable[tuple[str, str]] | None = None,
    *,
    kind: str = "settled",
    max_age: timedelta = MAX_AGE,
) -> pl.DataFrame:
    """Find what was known of instruments at an instant, or at each of many, in one statement.

    Of each instrument the row seen from last, of those with ``available_at <= instant`` and
    ``instant - max_age < as_of <= instant``.

    Parameters
    ----------
    as_of
        An instant with a time zone, or several; or a frame of Polars, pandas or Arrow with a column
        ``instant``. Where it has ``venue`` and ``venue_symbol`` too, each row asks of that
        instrument only.
    instruments
        Pairs of venue and venue symbol; None for those that the frame names, else for all that have
        features.
    kind
        ``settled`` or ``live``.
    max_age
        How long an instrument's last row speaks for it.

    Returns
    -------
    polars.DataFrame
        Columns of ``features.feature_store``, sorted by venue and symbol; of several instants after
        a column ``instant``, and sorted by that first. An instrument that was asked for and has no
        such row has nulls in all columns but these.

    Raises
    ------
    FlowError
        If an instant has no time zone or is null, there is no such kind, or what is given is
        neither an instant nor a frame of them.
    """
    kinds = FEATURE_STORE.column("kind").values
    if kind not in kinds:
        raise FlowError(f"there are no {kind!r} curves", hint=f"there are {', '.join(kinds)}")
    asked = _questions(as_of, instruments).with_columns(oldest=pl.col(INSTANT) - max_age)
    found = _SCHEMA.to_frame() if asked.is_empty() else _answers(connection, asked, kind)
    return found.drop(INSTANT) if isinstance(as_of, datetime) else found


def features_of(
    connection: duckdb.DuckDBPyConnection,
    as_of: datetime,
    *,
    bases: Sequence[str] = (),
    venue: str | None = None,
    kind: str = "settled",
) -> pl.DataFrame:
    """Find what was known at an instant of the instruments of some bases, or of all.

    Returns
    -------
    polars.DataFrame
        Columns of ``features.feature_store``.

    Raises
    ------
    FlowError
        If no instrument has such a base, or nothing was known.
    """
    found = get_features(connection, as_of, kind=kind)
    if venue is not None:
        found = found.filter(venue=venue)
    if bases:
        listed = answer(connection, _LISTED, _BASES)
        found = (
            found.join(listed, on=INSTRUMENT_KEY, how="left", maintain_order="left")
            .filter(pl.coalesce("listed_base", "base", "venue_symbol").is_in(bases))
            .drop("listed_base")
        )
    if found.is_empty():
        what = ", ".join(bases) or "any instrument"
        raise NothingStoredError(
            f"no {kind} features of {what} were known at {as_of:%Y-%m-%d %H:%M} UTC",
            hint='see `funding query "SELECT DISTINCT base FROM core.instruments"` for the bases, '
            "and `funding transform` to compute the features of that month",
        )
    return found


def _questions(
    as_of: datetime | Iterable[datetime] | Frame, instruments: Iterable[tuple[str, str]] | None
) -> pl.DataFrame:
    """Bring what is asked to one frame: instants, and whose features where that was said."""
    if isinstance(as_of, datetime):
        instants = _frame_of([as_of])
    elif isinstance(as_of, Iterable) and not hasattr(as_of, "__arrow_c_stream__"):
        instants = _frame_of(list(as_of))
    else:
        instants = _instants_in(polars_frame("as_of", as_of, FlowError))
    if instruments is None:
        return instants
    wanted = pl.DataFrame(
        sorted(set(instruments)), schema=dict.fromkeys(INSTRUMENT_KEY, pl.String()), orient="row"
    )
    return instants.select(INSTANT).join(wanted, how="cross")


def _frame_of(moments: Sequence[datetime]) -> pl.DataFrame:
    for moment in moments:
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            raise FlowError(f"as_of {moment} has no time zone", hint="give it one, e.g. tzinfo=UTC")
    return pl.DataFrame({INSTANT: pl.Series(moments, dtype=UTC_TIME)})


def _instants_in(frame: pl.DataFrame) -> pl.DataFrame:
    """See that a frame has instants, and take of it what is a question."""
    time = frame.schema.get(INSTANT)
    if time is None:
        raise FlowError(
            f"as_of has no column {INSTANT!r}", hint=f"it has {', '.join(frame.columns)}"
        )
    if not isinstance(time, pl.Datetime) or time.time_zone is None or frame[INSTANT].has_nulls():
        raise FlowError(
            f"as_of.{INSTANT} is {time}, or null somewhere, not a time in UTC throughout",
            hint='times that tell UTC without saying so: .dt.replace_time_zone("UTC")',
        )
    names = INSTRUMENT_KEY if set(INSTRUMENT_KEY) <= set(frame.columns) else ()
    return frame.select(pl.col(INSTANT).cast(UTC_TIME), *(pl.col(n).cast(pl.String) for n in names))


def _answers(connection: duckdb.DuckDBPyConnection, asked: pl.DataFrame, kind: str) -> pl.DataFrame:
    named = set(INSTRUMENT_KEY) <= set(asked.columns)
    span = {"kind": kind, "oldest": asked["oldest"].min(), "newest": asked[INSTANT].max()}
    if asked[INSTANT].n_unique() == 1:
        found = answer(connection, _SCHEMA, _AT_ONE, span)
        if not named:
            return found
        keys = (INSTANT, *INSTRUMENT_KEY)
        return asked.select(keys).join(found, on=keys, how="left").sort(INSTRUMENT_KEY)
    connection.register("asked", asked)
    try:
        sql = _AT_MANY_OF_NAMED if named else _AT_MANY_OF_ALL
        return answer(connection, _SCHEMA, sql, span)
    finally:
        connection.unregister("asked")
