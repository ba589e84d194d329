"""Recorded frames of the venues' streams, and the values that they stand for."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET

from funding_platform.venues.streams.updates import MarketUpdate
from funding_platform_tests.venues.adapters.recorded_cases import FIXTURES

FIELDS = {
    "funding_rate_per_interval": "predicted_rate",
    "interval_hours": "interval_hours",
    "next_funding_ms": "next_funding_ms",
    "mark_price": "mark_price",
    "index_price": "index_price",
    "open_interest_base": "open_interest_base",
    "open_interest_usd": "open_interest_usd",
    "volume_24h_quote": "volume_24h_usd",
    "bid": "best_bid",
    "ask": "best_ask",
    "event_ms": "event_ms",
}
"""What the index calls a field of an update."""

Case = dict[str, Any]


def stream_cases(*venues: str) -> list[Case]:
    """The recorded frames of some venues; none without the recordings."""
    if not FIXTURES.is_dir():
        return []
    indices = (FIXTURES / name for name in ("INDEX.json", "INDEX-streams.json"))
    return [
        case
        for index in indices
        for case in json.loads(index.read_text())["cases"]
        if case["venue"] in venues and case["method"] == "WS"
    ]


def text_of(case: Case) -> str:
    """The recorded text."""
    file: Path = FIXTURES / case["file"]
    return file.read_text()


def assert_says(update: MarketUpdate, expected: Case, elsewhere: frozenset[str]) -> None:
    """Compare every value that the index names with what an update says.

    Parameters
    ----------
    elsewhere
        Fields that the frame itself does not say, and the listing or nobody does.
    """
    assert update.venue_symbol == expected["native_symbol"]
    compared = [name for name in FIELDS if name in expected and FIELDS[name] not in elsewhere]
    assert compared
    for name in compared:
        found, value = getattr(update, FIELDS[name]), expected[name]
        if value is None:
            assert found in (None, UNSET), name
        else:
            assert found == pytest.approx(float(value), rel=1e-12), name
