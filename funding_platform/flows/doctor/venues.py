"""Whether venues can be asked: how they stand with this machine, and whether a connection opens."""

import asyncio
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import polars as pl

from funding_platform.flows.doctor.finding import Finding
from funding_platform.flows.queries.upkeep.health import breaker_states
from funding_platform.settings import Settings
from funding_platform.venues.registry import venue_names, venue_spec

CONNECT_SECONDS: Final = 5.0


def standing(settings: Settings, now: datetime) -> Finding:
    """Find whose breaker keeps us away."""
    states = breaker_states(settings, settings.venues or venue_names(), now)
    away = states.filter(pl.col("breaker_state") != "closed")
    if away.is_empty():
        return Finding(True, f"no breaker of {states.height} venues is open")
    named = "; ".join(
        f"{row['venue']} is {row['breaker_state']}: {row['ban'] or row['last_failure']}"
        for row in away.iter_rows(named=True)
    )
    return Finding(
        False, named, "see whether the venue is down; nothing need be done once it is back"
    )


def reachable(settings: Settings) -> Finding:
    """Find which venues a connection opens to; nothing is asked of them, which costs no budget."""
    chosen = settings.venues or venue_names()
    urls = {name: settings.venue_urls.get(name) or venue_spec(name).base_url for name in chosen}
    failures = asyncio.run(_failures(urls))
    if not failures:
        return Finding(True, f"a connection opens to each of {len(urls)} venues")
    named = "; ".join(f"{name}: {reason}" for name, reason in failures.items())
    return Finding(
        False, named, "see whether this machine has network and DNS, and what its firewall allows"
    )


async def _failures(urls: dict[str, str]) -> dict[str, str]:
    reasons = await asyncio.gather(*(_failure(url) for url in urls.values()))
    return {name: why for name, why in zip(urls, reasons, strict=True) if why is not None}


async def _failure(url: str) -> str | None:
    """Open a connection to a server and close it; return why that failed, if it did."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except TimeoutError:
        return f"no connection to {parts.hostname} within {CONNECT_SECONDS:g} s"
    except OSError as error:
        return f"no connection to {parts.hostname}: {error.strerror or error}"
    writer.close()
    return None
