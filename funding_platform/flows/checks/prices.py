"""Are the candles of a venue prices of what they say? One plain function per question.

Asked of the last days only: what is older was asked when it was new.
"""

from datetime import datetime, timedelta
from typing import Final

from duckdb import DuckDBPyConnection

from funding_platform.core.market.asset_classes import ASSET_SQL
from funding_platform.core.market.price_gap import MAX_PRICE_GAP_BPS
from funding_platform.core.tables.prices import OPEN_INTEREST
from funding_platform.core.tables.schema import Table
from funding_platform.flows.checks.answer import Answer, one_row

CHECKED: Final = timedelta(days=40)
"""A month and what a late refresh of the one before may have brought."""

FRESH_WITHIN: Final = timedelta(hours=26)
"""Candles are refreshed three times a day; two refreshes may fail."""

MAX_MARK_GAP: Final = 0.05
"""Relative: a mark is held near its index; one further off, for most hours, is of another unit."""

MIN_HOURS: Final = 6
"""Fewer hours in common are no basis for a verdict."""

SHOWN: Final = 10

_UNSOUND = """
SELECT count(*), count(*) FILTER (high < low OR low <= 0 OR NOT (open BETWEEN low AND high)
    OR NOT (close BETWEEN low AND high))
FROM {table} WHERE venue = $venue AND open_time >= $since
"""
_MARK_AND_INDEX = """
SELECT venue_symbol, count(*) AS hours, median(m.close / i.close - 1) AS gap
FROM core.price_candles AS m JOIN core.price_candles AS i
    USING (venue, venue_symbol, open_time)
WHERE venue = $venue AND open_time >= $since AND m.kind = 'mark' AND i.kind = 'index'
GROUP BY venue_symbol HAVING hours >= $least ORDER BY abs(gap) DESC, venue_symbol
"""
_AMONG_VENUES = f"""
WITH listed AS (
    SELECT venue, venue_symbol, multiplier,
        {ASSET_SQL.format(base="base", asset_class="asset_class")} AS asset
    FROM core.instruments
), compared AS (
    FROM listed WHERE asset IN (SELECT asset FROM listed WHERE venue = $venue)
), closes AS (
    SELECT asset, venue, venue_symbol, open_time,
        any_value(close / multiplier ORDER BY CASE kind WHEN 'mark' THEN 0
            WHEN 'trade' THEN 1 ELSE 2 END) AS price
    FROM core.price_candles JOIN compared USING (venue, venue_symbol)
    WHERE open_time >= $since
    GROUP BY ALL
), others AS (
    SELECT asset, open_time, median(price) AS price FROM closes WHERE venue <> $venue
    GROUP BY ALL
)
SELECT c.venue_symbol, count(*) AS hours, median(c.price / o.price - 1) AS gap
FROM closes AS c JOIN others AS o USING (asset, open_time)
WHERE c.venue = $venue
GROUP BY c.venue_symbol HAVING hours >= $least ORDER BY abs(gap) DESC, c.venue_symbol
"""


def bars_sound(lake: DuckDBPyConnection, table: Table, venue: str, now: datetime) -> Answer:
    """Ask whether every bar holds its open and its close between a low above zero and its high."""
    bars, unsound = one_row(
        lake,
        _UNSOUND.format(table=table.full_name),
        {"venue": venue, "since": now - CHECKED},
    )
    return Answer(unsound == 0, f"{unsound} of {bars} bars cannot be", {"bars": bars})


def hours_fresh(lake: DuckDBPyConnection, table: Table, venue: str, now: datetime) -> Answer:
    """Ask whether the newest hour is as recent as the refreshes let one expect."""
    time = "time" if table is OPEN_INTEREST else "open_time"
    (newest,) = one_row(lake, f"SELECT max({time}) FROM {table.full_name} WHERE venue = ?", [venue])
    if newest is None:
        return Answer(False, f"{venue} has no row of {table.name}")
    age = now - newest
    return Answer(
        age <= FRESH_WITHIN,
        f"newest hour {newest:%Y-%m-%d %H:%M} UTC, at most {FRESH_WITHIN} behind is fresh",
        {"newest": newest.isoformat(), "age_hours": round(age / timedelta(hours=1), 2)},
    )


def marks_near_index(lake: DuckDBPyConnection, venue: str, now: datetime) -> Answer:
    """Ask whether every mark lies near its index, in the median hour."""
    return _gaps(lake, _MARK_AND_INDEX, venue, now, MAX_MARK_GAP, "their index")


def near_other_venues(lake: DuckDBPyConnection, venue: str, now: datetime) -> Answer:
    """Ask whether every price lies near that of its base on other venues, in the median hour.

    The bound is that above which two legs are not of one asset: what lies beyond it for most hours
    opens nothing. Prices are per canonical base, so that a missing multiplier shows, and so does a
    ticker that stands for two assets without a venue's saying so.
    """
    limit = MAX_PRICE_GAP_BPS / 1e4
    return _gaps(lake, _AMONG_VENUES, venue, now, limit, "the other venues of their base")


def _gaps(
    lake: DuckDBPyConnection, sql: str, venue: str, now: datetime, limit: float, whom: str
) -> Answer:
    """Judge the instruments whose prices lie apart from others."""
    asked = {"venue": venue, "since": now - CHECKED, "least": MIN_HOURS}
    rows = lake.execute(sql, asked).fetchall()
    apart = [f"{symbol} {gap:+.1%}" for symbol, _, gap in rows if abs(gap) > limit]
    verdict = f"{len(apart)} of {len(rows)} instruments lie over {limit:.0%} from {whom}"
    named = f": {', '.join(apart[:SHOWN])}" if apart else ""
    return Answer(not apart, verdict + named, {"instruments": len(rows), "apart": len(apart)})
