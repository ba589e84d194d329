"""Recorded frames of venues on chains say what the index of the recordings says they do."""

import json
from typing import Any

import pytest

from funding_platform.venues.errors import VenueError
from funding_platform_tests.venues.adapters.recorded_cases import FIXTURES
from funding_platform_tests.venues.streams.chains import STREAMS, reader_of
from funding_platform_tests.venues.streams.recorded_frames import (
    Case,
    assert_says,
    stream_cases,
    text_of,
)

NOT_FOLLOWED = {
    "lighter/ws-order_book-0-seq.json": "books",
    "lighter/ws-ticker-update-0.json": "best quotes come with the statistics",
    "lighter/ws-ticker-1-subscribed-2026-09.json": "best quotes come with the statistics",
    "extended/ws-funding.json": "whether it is the settled rate is unknown",
    "extended/ws-book-NVDA-snapshot.json": "books",
    "extended/ws-book-NVDA-delta.json": "books",
    "paradex/ws-funding_data-BTC-USD-PERP.json": "the rate comes with the summary",
    "edgex/ws-fundingRate-shape.json": "the settled rate",
    "edgex/ws-depth-snapshot-BTCUSDC.json": "books",
    "edgex/docs-ws-ticker-all.json": "documented under names that the wire does not have",
    "grvt/ws-v1.mini.s-BTC_USDT_Perp.json": "no rate",
    "grvt/ws-v1.mini.d-delta-BTC_USDT_Perp.json": "no rate",
    "grvt/ws-v1.book.d-snapshot-BTC_USDT_Perp.json": "books",
    "backpack/ws-depth-BTC_USDC_PERP.json": "books",
}
"""Frames of channels that are not subscribed to, and why."""

ELSEWHERE = {
    "lighter": frozenset({"interval_hours"}),
    "paradex": frozenset({"interval_hours"}),
    "backpack": frozenset({"interval_hours"}),
}
"""What a venue's frames do not say: its listings do."""

CHANNELS = {
    "extended/ws-mark-BTC-USD.json": "mark",
    "extended/ws-book-BTC-USD-depth1-2026-09.json": "orderbooks",
}
"""Which socket of several a frame came on."""

CASES = stream_cases(*STREAMS)
SPEAKING = [
    case for case in CASES if case.get("expected_normalised") and case["file"] not in NOT_FOLLOWED
]

needs_recordings = pytest.mark.skipif(
    not FIXTURES.is_dir(), reason="the recorded frames are not on this machine"
)


def every(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case["file"])


def envelope(case: Case) -> str:
    """What the source kept, within what it came in where the source kept only a row."""
    text = text_of(case)
    if case["file"] != "edgex/ws-ticker-element-BTCUSDC.json":
        return text
    channel = "ticker.all.1s"
    content = {"channel": channel, "dataType": "Snapshot", "data": [json.loads(text)]}
    return json.dumps({"type": "quote-event", "channel": channel, "content": content})


@needs_recordings
def test_every_venue_has_recorded_frames() -> None:
    worked_by_hand = {"grvt"}  # the index has no values for its tickers
    assert {case["venue"] for case in SPEAKING} == STREAMS.keys() - worked_by_hand
    assert {case["file"] for case in CASES} >= NOT_FOLLOWED.keys()


@needs_recordings
@every(SPEAKING)
def test_a_recorded_frame_says_what_it_did(case: Case) -> None:
    venue, rows = case["venue"], case["expected_normalised"]
    symbols = [row["native_symbol"] for row in rows]
    frame = reader_of(venue, symbols, CHANNELS.get(case["file"]))(envelope(case))
    assert (frame.refused, list(frame.unread)) == (None, [])
    paying = [row for row in rows if row.get("kind") != "none"]
    assert len(frame.updates) == len(paying)
    for update, expected in zip(frame.updates, paying, strict=True):
        assert_says(update, expected, ELSEWHERE.get(venue, frozenset()))


@needs_recordings
@every([case for case in CASES if case["file"] in NOT_FOLLOWED])
def test_a_frame_that_nobody_asked_for_is_never_taken_for_another(case: Case) -> None:
    read = reader_of(case["venue"], channel="mark" if case["venue"] == "extended" else None)
    text: Any = text_of(case)
    try:
        frame = read(text)
    except VenueError:
        return
    assert frame.updates == ()
    assert frame.unread
