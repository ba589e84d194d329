"""The cases of ``fixtures/INDEX.json``: recorded answers and the values that they stand for."""

import json
from pathlib import Path
from typing import Any

import pytest

from funding_platform.core.time_grid import to_ms
from funding_platform_tests.checkout import ROOT

FIXTURES = ROOT / ".." / "shared" / "venues" / "fixtures"

FIELDS = {
    "interval_hours": "interval_hours",
    "mark_price": "mark_price",
    "index_price": "index_price",
    "open_interest_base": "open_interest_base",
    "open_interest_usd": "open_interest_usd",
    "volume_24h_quote": "volume_24h_usd",
    "tick_size": "tick_size",
    "min_size": "min_size",
    "quote": "quote",
}
"""What the index calls a column of ours."""

Case = dict[str, Any]
Row = dict[str, Any]


def rest_cases(venue: str) -> list[Case]:
    """The venue's recorded answers that have expected values; none without the recordings."""
    if not FIXTURES.is_dir():
        return []
    cases = json.loads((FIXTURES / "INDEX.json").read_text())["cases"]
    return [
        case
        for case in cases
        if case["venue"] == venue and case["method"] != "WS" and "expected_normalised" in case
    ]


def every_case(venue: str) -> pytest.MarkDecorator:
    """Run a test once for each recorded answer of a venue."""
    return pytest.mark.parametrize("case", rest_cases(venue), ids=lambda case: case["file"])


def body(case: Case) -> bytes:
    """The recorded answer."""
    recorded: Path = FIXTURES / case["file"]
    return recorded.read_bytes()


def assert_as_expected(expected: Row, found: Row) -> None:
    """Every value that the index names, under the name of our column."""
    rate = "funding_rate" if expected.get("kind") == "settled" else "predicted_rate"
    fields = {**FIELDS, "funding_rate_per_interval": rate}
    compared = fields.keys() & expected.keys()
    assert compared or "status" in expected
    for theirs in compared:
        value = expected[theirs]
        if theirs != "quote":
            value = pytest.approx(float(value), rel=1e-12)
        assert found[fields[theirs]] == value, theirs
    for theirs, ours in (("next_funding_ms", "next_funding_time"), ("settled_ms", "funding_time")):
        if theirs in expected:
            assert to_ms(found[ours]) == expected[theirs]
