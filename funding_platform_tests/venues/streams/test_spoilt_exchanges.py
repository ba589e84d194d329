"""Whatever comes instead of a frame, an exchange's stream raises nothing but its own errors."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.venues.errors import VenueError
from funding_platform.venues.streams.contract import Frame
from funding_platform_tests.venues.streams import (
    test_binance,
    test_bybit,
    test_deribit,
    test_hyperliquid,
    test_okx,
)
from funding_platform_tests.venues.streams.exchanges import STREAMS, reader_of
from funding_platform_tests.venues.streams.test_spoilt_chains import JUNK, places, with_junk

EXAMPLES: dict[str, Callable[[], str]] = {
    "binance": lambda: test_binance.marks(test_binance.mark()),
    "aster": lambda: test_binance.marks(test_binance.mark()),
    "bybit": test_bybit.snapshot,
    "okx": test_okx.funding,
    "deribit": test_deribit.ticker,
    "hyperliquid": test_hyperliquid.coin,
}


def attempt(venue: str, message: str | bytes) -> Frame | None:
    try:
        return reader_of(venue)(message)
    except VenueError as error:
        raised = error
    assert raised.venue == venue
    return None


@pytest.mark.parametrize("venue", STREAMS)
def test_the_examples_are_sound(venue: str) -> None:
    frame = attempt(venue, EXAMPLES[venue]())
    assert frame is not None
    assert (len(frame.updates), list(frame.unread)) == (1, [])


@pytest.mark.parametrize("venue", STREAMS)
@given(data=st.data())
def test_junk_in_a_frame_costs_the_frame_or_less(venue: str, data: st.DataObject) -> None:
    document = json.loads(EXAMPLES[venue]())
    way = data.draw(st.sampled_from(places(document)))
    frame = attempt(venue, json.dumps(with_junk(document, way, data.draw(JUNK))))
    for update in () if frame is None else frame.updates:
        assert isinstance(update.venue_symbol, str)
        numbers = [getattr(update, name) for name in ("predicted_rate", "mark_price")]
        assert all(not isinstance(n, str | bool) for n in numbers)


@pytest.mark.parametrize("venue", STREAMS)
@given(data=st.data())
def test_bytes_that_are_cut_or_changed_cost_the_frame(venue: str, data: st.DataObject) -> None:
    body = bytearray(EXAMPLES[venue]().encode())
    for _ in range(data.draw(st.integers(0, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    attempt(venue, bytes(body[: data.draw(st.integers(0, len(body)))]))


@pytest.mark.parametrize("venue", STREAMS)
@given(message=st.text(max_size=40) | st.binary(max_size=40))
def test_what_is_no_message_at_all_is_told(venue: str, message: str | bytes) -> None:
    frame = attempt(venue, message)
    assert frame is None or frame.updates == ()


@pytest.mark.parametrize("venue", STREAMS)
def test_nested_without_end_is_no_message(venue: str) -> None:
    assert attempt(venue, "[" * 100_000) is None
    assert attempt(venue, '{"data":' * 100_000) is None
