"""Figures that are assumed, not observed, and that more than one part of the platform rests on.

What a venue states or the lake shows does not belong here.
"""

from datetime import timedelta
from typing import Final

DEPTH_SHARE: Final = 1e-3
"""Share of a market's daily turnover that its book is taken to hold within each basis point."""

SNAPSHOT_STALE_AFTER: Final = timedelta(hours=2)
"""Snapshots are taken hourly; one may be missed."""
