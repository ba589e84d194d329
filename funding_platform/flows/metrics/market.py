"""Figures of the market: how far the curves that are watched are from their mean, what pays."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from duckdb import DuckDBPyConnection

from funding_platform.core.tables.features.curves import CURVE_FACTORS
from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.lake.connection import has_table
from funding_platform.settings import Settings
from funding_platform.telemetry import declared
from funding_platform.telemetry.metrics import Declared, Family

_CURVES: Final = f"""
SELECT i.base, f.venue, f.level, f.level_z, f.slope_z, f.dispersion
FROM {CURVE_FACTORS.full_name} AS f JOIN core.instruments AS i USING (venue, venue_symbol)
WHERE f.as_of BETWEEN $now - INTERVAL 2 DAY AND $now
    AND list_contains($bases, i.base) AND i.status = 'trading'
QUALIFY row_number() OVER (
    PARTITION BY i.base, f.venue
    ORDER BY f.as_of DESC, f.kind, i.contract_type DESC, i.quote DESC, f.venue_symbol
) = 1
ORDER BY ALL
"""
"""The newest, live before settled; of several contracts the linear one, as ``latest_curves``."""

_TIERS: Final = f"""
SELECT tier, count(*)::DOUBLE, max(net_apr) FROM {OPPORTUNITIES.full_name}
GROUP BY tier ORDER BY tier
"""
_BY_PLACE: Final[tuple[tuple[int, Declared], ...]] = (
    (2, declared.CURVE_LEVEL),
    (3, declared.CURVE_LEVEL_Z),
    (4, declared.CURVE_SLOPE_Z),
    (5, declared.CURVE_DISPERSION),
)


def of_market(lake: DuckDBPyConnection, settings: Settings, now: datetime) -> Iterator[Family]:
    """Tell factors of the curves of ``FUNDING_ALERT_BASES``, and pairs by tier."""
    rows = lake.execute(_CURVES, {"now": now, "bases": [*settings.alert_bases]}).fetchall()
    for place, metric in _BY_PLACE:
        yield metric.of({row[:2]: row[place] for row in rows if row[place] is not None})
    if not has_table(lake, OPPORTUNITIES):
        return
    tiers = lake.execute(_TIERS).fetchall()
    yield declared.OPPORTUNITIES.of({(tier,): pairs for tier, pairs, _ in tiers})
    yield declared.BEST_NET_APR.of({(tier,): best for tier, _, best in tiers if best is not None})
