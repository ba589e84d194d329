"""Recorded frames of exchanges say what the index of the recordings says they do."""

import json
from typing import Any

import pytest
from msgspec import UNSET

from funding_platform.venues.streams.updates import MarketUpdate
from funding_platform_tests.venues.adapters.recorded_cases import FIXTURES
from funding_platform_tests.venues.streams.exchanges import STREAMS, reader_of
from funding_platform_tests.venues.streams.recorded_frames import (
    Case,
    assert_says,
    stream_cases,
    text_of,
)

NOT_FOLLOWED = {
    "bybit/ws-tickers-BTCUSDU23-dated-2023.json": "a dated future, which is not listed",
    "bybit/ws-orderbook-1-BTCUSDT.json": "best quotes come with the ticker",
    "okx/ws-books5-BTC-USDT-SWAP.json": "books",
    "deribit/ws-book-change-NVDA_USDC-PERPETUAL.json": "books",
    "hyperliquid/ws-l2Book-xyz-SP500-top3.json": "books",
    "hyperliquid/ws-l2Book-MATIC-empty.json": "books",
    "aster/ws-depthUpdate-NVDAUSDT.json": "books",
}
"""Frames of channels that are not subscribed to, and why."""

BY_HAND = ("hyperliquid/ws-allDexsAssetCtxs-slice.json",)
"""Frames of which the index has no values, though they say some."""

BARE = {
    "aster/ws-bookTicker-NVDAUSDT.json": "!bookTicker",
    "aster/ws-markPrice-all.json": "!markPrice@arr@1s",
}
"""Frames that were recorded without the name of their stream around them."""

RENAMED = {
    "binance/ws-combined-bookTicker-BTCUSDT.json": ("btcusdt@bookTicker", "!bookTicker"),
}
"""Frames of one perpetual's stream, which the stream of all sends alike."""

OF_ONE = {
    "binance/ws-combined-markPrice-BTCUSDT.json": "btcusdt@markPrice",
    "binance/ws-combined-markPrice-coinm-BTCUSD_PERP.json": "btcusd_perp@markPrice@1s",
}
"""Frames that hold one row, of which the stream of all sends a list."""

ELSEWHERE = {
    "binance": frozenset({"interval_hours"}),
    "aster": frozenset({"interval_hours"}),
    "hyperliquid": frozenset({"next_funding_ms"}),  # by the clock
}
"""What a venue's frames do not say."""

CASES = stream_cases(*STREAMS)
SPEAKING = [
    case for case in CASES if case.get("expected_normalised") and case["file"] not in NOT_FOLLOWED
]
TALK = [
    case
    for case in CASES
    if case["source"] == "recorded"
    and "expected_normalised" not in case
    and case["file"] not in (*BY_HAND, *NOT_FOLLOWED)
]
"""Acknowledgements, pongs, refusals."""

needs_recordings = pytest.mark.skipif(
    not FIXTURES.is_dir(), reason="the recorded frames are not on this machine"
)


def every(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case["file"])


def frames_of(case: Case) -> list[str]:
    """The frames, each as the stream that is followed sends it."""
    text, file = text_of(case), case["file"]
    if file.endswith("-seq.json"):
        return [json.dumps(frame) for frame in json.loads(text)]
    if file in BARE:
        return [json.dumps({"stream": BARE[file], "data": json.loads(text)})]
    if file in RENAMED:
        return [text.replace(*RENAMED[file])]
    if file in OF_ONE:
        row = json.loads(text)["data"]
        return [json.dumps({"stream": "!markPrice@arr@1s", "data": [row]})]
    return [text]


@needs_recordings
def test_every_venue_has_recorded_frames() -> None:
    assert {case["venue"] for case in SPEAKING} == STREAMS.keys()
    assert {case["file"] for case in CASES} >= NOT_FOLLOWED.keys() | BARE.keys() | OF_ONE.keys()


@needs_recordings
@every(SPEAKING)
def test_a_recorded_frame_says_what_it_did(case: Case) -> None:
    rows = case["expected_normalised"]
    read = reader_of(case["venue"], [row["native_symbol"] for row in rows])
    state: dict[str, Any] = {}
    for text, expected in zip(frames_of(case), rows, strict=True):
        frame = read(text)
        assert (frame.refused, list(frame.unread)) == (None, [])
        [update] = frame.updates
        said = {name: getattr(update, name) for name in MarketUpdate.__struct_fields__}
        state |= {name: value for name, value in said.items() if value is not UNSET}
        assert_says(MarketUpdate(**state), expected, ELSEWHERE.get(case["venue"], frozenset()))


@needs_recordings
@every(TALK)
def test_what_is_not_data_says_nothing_of_the_market(case: Case) -> None:
    for text in frames_of(case):
        frame = reader_of(case["venue"])(text)
        assert (list(frame.updates), frame.channel) == ([], None)


@needs_recordings
@every([case for case in CASES if case["file"] in NOT_FOLLOWED])
def test_a_frame_that_nobody_asked_for_is_never_taken_for_another(case: Case) -> None:
    frame = reader_of(case["venue"])(text_of(case))
    assert (list(frame.updates), frame.refused) == ([], None)
