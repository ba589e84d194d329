"""How far back venues keep their settled rates: what they no longer have is not missing."""

from datetime import datetime, timedelta

from funding_platform.venues.adapters.ccxt.exchange import PREFIX, WITHOUT_UNTIL
from funding_platform.venues.registry import venue_names, venue_spec


def history_depth(venue: str) -> timedelta | None:
    """Say how far back a venue keeps everything; None if it keeps all, zero if nobody can tell."""
    if venue.removeprefix(PREFIX) in WITHOUT_UNTIL and venue.startswith(PREFIX):
        return timedelta(0)
    return venue_spec(venue).history_depth if venue in venue_names() else None


def history_depths() -> dict[str, timedelta]:
    """Return the depth of every venue that does not keep all, those of plug-ins among them."""
    bridged = (f"{PREFIX}{name}" for name in sorted(WITHOUT_UNTIL))
    depths = {name: history_depth(name) for name in (*venue_names(), *bridged)}
    return {name: depth for name, depth in depths.items() if depth is not None}


def kept_since(venue: str, asked_at: datetime) -> datetime | None:
    """Say since when a venue had everything when it was asked; None if it keeps all."""
    depth = history_depth(venue)
    return None if depth is None else asked_at - depth
