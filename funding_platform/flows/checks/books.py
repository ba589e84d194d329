"""Are measured books those of the market that snapshots show? One plain function per question."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from duckdb import DuckDBPyConnection

from funding_platform.core.assumptions import SNAPSHOT_STALE_AFTER
from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH, SIZES_USD, VERBS
from funding_platform.core.tables.collected import COLLECTION_LOG
from funding_platform.flows.checks.answer import Answer, one_row

CHECKED: Final = timedelta(days=7)

MAX_GAP_FROM_MARK: Final = 0.1
"""Relative: a book's mid lies near its mark; one further off is of another unit."""

_SHOWN: Final = 10
_NOT_GROWING: Final = " OR ".join(
    f"{verb}_{small}_bps > {verb}_{large}_bps + 1e-6"
    for verb in VERBS
    for small, large in pairwise(SIZES_USD)
)
_FAR_FROM_MARK: Final = f"""
WITH measured AS (
    SELECT d.venue_symbol, d.mid / (s.mark_price / i.multiplier) - 1 AS gap
    FROM {ORDER_BOOK_DEPTH.full_name} AS d
    JOIN core.market_snapshots AS s USING (venue, venue_symbol, snapshot_hour)
    JOIN core.instruments AS i USING (venue, venue_symbol)
    WHERE venue = $venue AND d.observed_at >= $since AND d.mid > 0 AND s.mark_price > 0
)
SELECT
    count(*),
    list(DISTINCT venue_symbol ORDER BY venue_symbol) FILTER (abs(gap) > $limit)
FROM measured
"""


def depth_asked_lately(lake: DuckDBPyConnection, venue: str, now: datetime) -> Answer:
    """Ask whether the venue's books were measured within two hours, should any be wanted.

    Where nothing of it is among the best pairs there is nothing to measure: the attempt counts.
    """
    (newest,) = one_row(
        lake,
        f"SELECT max(finished_at) FROM {COLLECTION_LOG.full_name} "
        "WHERE venue = ? AND dataset = ? AND status <> 'failed' AND finished_at <= ?",
        [venue, ORDER_BOOK_DEPTH.full_name, now],
    )
    if newest is None:
        return Answer(True, f"no pair of {venue} has been among the best yet")
    age = now - newest
    hours = age / timedelta(hours=1)
    return Answer(
        age <= SNAPSHOT_STALE_AFTER, f"last measured {hours:.1f} h ago", {"age_hours": hours}
    )


def costs_grow(lake: DuckDBPyConnection, venue: str, now: datetime) -> Answer:
    """Ask whether a larger trade never costs less than a smaller one of the same book."""
    books, odd = one_row(
        lake,
        f"SELECT count(*), count(*) FILTER ({_NOT_GROWING}) FROM {ORDER_BOOK_DEPTH.full_name} "
        "WHERE venue = $venue AND observed_at >= $since",
        {"venue": venue, "since": now - CHECKED},
    )
    return Answer(odd == 0, f"{odd} of {books} books cost less for more", {"books": books})


def mids_near_marks(lake: DuckDBPyConnection, venue: str, now: datetime) -> Answer:
    """Ask whether every mid lies near the mark of the same hour, both of the canonical base."""
    compared, far = one_row(
        lake,
        _FAR_FROM_MARK,
        {"venue": venue, "since": now - CHECKED, "limit": MAX_GAP_FROM_MARK},
    )
    named = ", ".join((far or [])[:_SHOWN])
    told = f"{named} far from their marks" if far else f"{compared} books compared"
    return Answer(not far, told, {"books": compared})
