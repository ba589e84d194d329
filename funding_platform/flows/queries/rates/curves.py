"""Stored curves, by asset."""

from datetime import datetime
from typing import Final

import duckdb
import polars as pl

from funding_platform.core.market.current import CURRENT_WITHIN, is_current
from funding_platform.core.tables.features.curves import CURVE_SNAPSHOTS
from funding_platform.flows.errors import NothingStoredError
from funding_platform.flows.queries.assets import ASSET_OF, asset_class_of
from funding_platform.flows.queries.connection import answer

_NEWEST: Final = f"""
SELECT c.* FROM features.curve_snapshots AS c
LEFT JOIN core.instruments AS i USING (venue, venue_symbol)
-- An import knows no contract facts: its instruments go by their own symbol.
WHERE coalesce(i.base, c.venue_symbol) = $base AND {ASSET_OF.format(facts="i")} = $asset_class
    AND c.usable AND c.as_of <= least($at::TIMESTAMPTZ, now())
    AND ($at IS NULL OR (c.available_at <= $at AND c.as_of > $at::TIMESTAMPTZ - $current::INTERVAL))
    AND coalesce(c.venue = $venue, true) AND coalesce(c.kind = $kind, true)
QUALIFY row_number() OVER (
    -- Of ``other`` each instrument may be an asset of its own.
    PARTITION BY c.venue, CASE i.asset_class WHEN 'other' THEN c.venue_symbol END
    -- The newest, live before settled; of several contracts the linear one, USDT before USDC.
    ORDER BY c.as_of DESC, c.kind, i.contract_type DESC, i.quote DESC, c.venue_symbol
) = 1
ORDER BY c.venue, c.venue_symbol
"""


def latest_curves(
    connection: duckdb.DuckDBPyConnection,
    base: str,
    *,
    asset_class: str | None = None,
    venue: str | None = None,
    kind: str | None = None,
    at: datetime | None = None,
) -> pl.DataFrame:
    """Find the newest usable curve of an asset on each venue, of those that are of one time.

    A curve seen more than ``core.market.current.CURRENT_WITHIN`` before the newest of them is of
    another time: no rate of today compares with it. ``past_curves`` has those.

    Parameters
    ----------
    base
        A canonical base; the venue's own symbol of an instrument whose contract facts were never
        collected.
    asset_class
        Where the base stands for several assets, the class of the one that is meant.
    venue
        One venue only.
    kind
        ``settled`` or ``live`` only; else the newer of the two.
    at
        As it was known at this instant; now where left out. A curve that was older then than
        ``CURRENT_WITHIN`` is not of that time.

    Returns
    -------
    polars.DataFrame
        Rows of ``features.curve_snapshots``, one per venue at most; of the class ``other``, one
        per instrument.

    Raises
    ------
    FlowError
        If there is none, or the base stands for several assets and no class is named.
    """
    newest = _newest_by_venue(connection, base, asset_class, venue, kind, at)
    return newest.filter(is_current())


def past_curves(
    connection: duckdb.DuckDBPyConnection,
    base: str,
    *,
    asset_class: str | None = None,
    venue: str | None = None,
) -> pl.DataFrame:
    """Find the venues whose newest usable curve ``latest_curves`` leaves out for its age.

    Returns
    -------
    polars.DataFrame
        Rows of ``features.curve_snapshots``, one per venue at most, the oldest first.

    Raises
    ------
    FlowError
        If there is no curve of the asset at all, or ``latest_curves`` raises it.
    """
    newest = _newest_by_venue(connection, base, asset_class, venue)
    return newest.filter(~is_current()).sort("as_of", "venue")


def _newest_by_venue(
    connection: duckdb.DuckDBPyConnection,
    base: str,
    asset_class: str | None,
    venue: str | None,
    kind: str | None = None,
    at: datetime | None = None,
) -> pl.DataFrame:
    asked = {
        "base": base,
        "asset_class": asset_class_of(connection, base, asset_class, venue),
        "venue": venue,
        "kind": kind,
        "at": at,
        "current": CURRENT_WITHIN,
    }
    curves = answer(connection, CURVE_SNAPSHOTS.polars_schema, _NEWEST, asked)
    if curves.is_empty():
        where = f" on {venue}" if venue else ""
        if at is not None:
            raise NothingStoredError(
                f"at: no usable curve of {base}{where} was known at {at:%Y-%m-%dT%H:%MZ}",
                hint="ask for another instant, or leave it out for the newest curves",
            )
        raise NothingStoredError(
            f"there is no usable curve of {base}{where}",
            hint="curves need eight windows of history: `funding backfill` or `funding import`, "
            "then `funding transform`; what was imported alone goes by its own symbol",
        )
    return curves
