"""The market now: of the live board where the collector is fresh, else of the lake."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

import polars as pl

from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform.core.market.current import is_current
from funding_platform.core.tables.features.curves import CURVE_SNAPSHOTS
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.flows.errors import NotBuiltError, NotLiveError
from funding_platform.flows.live.latest import BOARD, PAIRS, STRIPS, Latest
from funding_platform.flows.queries import (
    board_rates,
    latest_curves,
    ranked_on_board,
    ranked_opportunities,
    stored_rates,
)
from funding_platform.service.problems import wrong_field
from funding_platform.service.reader import Sources
from funding_platform.service.versions import number_of

Source: TypeAlias = Literal["auto", "live", "lake"]
"""Which is asked; ``auto`` is the live board where it is fresh."""


@dataclass(frozen=True)
class Seen:
    """Rows of the market, and where they are from."""

    frame: pl.DataFrame
    as_of: datetime | None
    source: Literal["live", "lake"]
    board: int | None


def current_rates(sources: Sources, asked: Source = "auto") -> Seen:
    """Find what every instrument is expected to pay next: rows of ``CURRENT_RATES``.

    Raises
    ------
    NotLiveError
        If the live board alone was asked, and the collector is not running.
    NotBuiltError, LakeError
        If the lake was asked, and cannot answer.
    """
    latest = _live(sources, asked, BOARD)
    if latest is None:
        stored = stored_rates(sources.lake)
        return Seen(stored, newest(stored, "observed_at"), "lake", None)
    lake = sources.lake_or_none
    try:
        settled = None if lake is None else stored_rates(lake)
    except NotBuiltError:
        settled = None
    rates = board_rates(latest.frames[BOARD], settled)
    return Seen(rates, latest.at, "live", number_of(latest))


def current_opportunities(
    sources: Sources, wanted: OpportunityFilter, asked: Source = "auto", *, best: bool = False
) -> Seen:
    """Find the opportunities that pass a filter: rows of ``marts.opportunities``.

    Raises
    ------
    NotLiveError
        As ``current_rates``.
    NoOpportunitiesError, UnknownChoiceError
        As ``flows.queries.ranked_opportunities``.
    """
    latest = _live(sources, asked, PAIRS)
    if latest is None:
        found = ranked_opportunities(sources.lake, wanted, best=best)
        return Seen(found, newest(found, "observed_at"), "lake", None)
    pairs = latest.frames[PAIRS].cast(OPPORTUNITIES.polars_schema)
    found = ranked_on_board(sources.lake, pairs, wanted, best=best)
    return Seen(found, latest.at, "live", number_of(latest))


def current_curves(
    sources: Sources,
    base: str,
    asked: Source = "auto",
    *,
    asset_class: str | None = None,
    venue: str | None = None,
    at: datetime | None = None,
) -> Seen:
    """Find the newest usable curve of an asset on each venue: rows of ``CURVE_SNAPSHOTS``.

    The board has one of every instrument that it has seen; of those that it has none, or none
    that is usable, the lake's stands if it is of the same time. What was known at an instant
    that is named the lake alone knows.

    Raises
    ------
    NothingStoredError, SeveralAssetsError
        As ``flows.queries.latest_curves``.
    NotLiveError
        As ``current_rates``.
    ProblemError
        If the live board alone was asked for the past.
    """
    if at and asked == "live":
        raise wrong_field("at", "the live board knows no past", hint="leave source out")
    stored = latest_curves(sources.lake, base, asset_class=asset_class, venue=venue, at=at)
    latest = _live(sources, "lake" if at else asked, STRIPS)
    keys = ["venue", "venue_symbol"]
    moved = CURVE_SNAPSHOTS.empty()
    if latest is not None:
        strips = latest.frames[STRIPS].cast(CURVE_SNAPSHOTS.polars_schema).filter("usable")
        moved = strips.join(stored.select(keys), on=keys, how="semi")
    if latest is None or moved.is_empty():
        return Seen(stored, newest(stored, "as_of"), "lake", None)
    whole = pl.concat([moved, stored.join(moved.select(keys), on=keys, how="anti")])
    return Seen(whole.filter(is_current()).sort(keys), latest.at, "live", number_of(latest))


def current_strips(sources: Sources) -> Seen:
    """Find the newest strip of every instrument on the board; none without a collector."""
    latest = sources.live(STRIPS)
    if latest is None or STRIPS not in latest.frames:
        return Seen(CURVE_SNAPSHOTS.empty(), None, "lake", None)
    strips = latest.frames[STRIPS].cast(CURVE_SNAPSHOTS.polars_schema)
    return Seen(strips, latest.at, "live", number_of(latest))


def newest(frame: pl.DataFrame, time: str) -> datetime | None:
    """Return the newest of the times of a frame; None of no rows."""
    found = frame[time].max()
    return found if isinstance(found, datetime) else None


def _live(sources: Sources, asked: Source, frame: str) -> Latest | None:
    latest = None if asked == "lake" else sources.live(frame)
    if latest is not None and frame in latest.frames:
        return latest
    if asked == "live":
        raise NotLiveError(
            "source: the live collector is not running, or has none of this yet",
            hint="start `funding live`, or ask the lake: source=lake",
        )
    return None
