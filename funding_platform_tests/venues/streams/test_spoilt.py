"""Whatever comes instead of a frame, a venue's stream raises nothing but its own errors."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UnsetType

from funding_platform.venues.errors import VenueError
from funding_platform.venues.streams.contract import Frame, Reader
from funding_platform.venues.streams.updates import VALUES
from funding_platform_tests.venues.streams import chains, exchanges
from funding_platform_tests.venues.streams.adapters import (
    test_backpack,
    test_binance,
    test_bybit,
    test_deribit,
    test_edgex,
    test_extended,
    test_grvt,
    test_hyperliquid,
    test_lighter,
    test_okx,
    test_paradex,
)

STREAMS = (*chains.STREAMS, *exchanges.STREAMS)

EXAMPLES: dict[str, Callable[[], str]] = {
    "lighter": lambda: test_lighter.message({"1": test_lighter.stats()}),
    "extended": lambda: test_extended.price(1),
    "paradex": test_paradex.summary,
    "edgex": lambda: test_edgex.event(test_edgex.ticker()),
    "grvt": test_grvt.ticker,
    "backpack": test_backpack.mark,
    "binance": lambda: test_binance.marks(test_binance.mark()),
    "aster": lambda: test_binance.marks(test_binance.mark()),
    "bybit": test_bybit.snapshot,
    "okx": test_okx.funding,
    "deribit": test_deribit.ticker,
    "hyperliquid": test_hyperliquid.coin,
}

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["NaN", "1e999", "-0", "", "0.0", 2**63, -1, "\uff11"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def places(node: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to everything in a document."""
    children = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    return [way, *(found for key, value in children for found in places(value, (*way, key)))]


def with_junk(node: Any, way: tuple[Any, ...], junk: Any) -> Any:
    """The document with something else at the end of a way."""
    if not way:
        return junk
    copy = dict(node) if isinstance(node, dict) else list(node)
    copy[way[0]] = with_junk(copy[way[0]], way[1:], junk)
    return copy


def reader_of(venue: str) -> Reader:
    """What reads the messages of its first socket."""
    if venue in chains.STREAMS:
        return chains.reader_of(venue)
    return exchanges.reader_of(venue)


def attempt(venue: str, message: str | bytes, read: Reader | None = None) -> Frame | None:
    try:
        return (read or reader_of(venue))(message)
    except VenueError as error:
        raised = error
    assert raised.venue == venue
    return None


@pytest.mark.parametrize("venue", STREAMS)
def test_the_examples_are_sound(venue: str) -> None:
    frame = attempt(venue, EXAMPLES[venue]())
    assert frame is not None
    assert (len(frame.updates), list(frame.unread)) == (1, [])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("venue", STREAMS)
@given(data=st.data())
def test_junk_in_a_frame_costs_the_frame_or_less(venue: str, data: st.DataObject) -> None:
    document = json.loads(EXAMPLES[venue]())
    way = data.draw(st.sampled_from(places(document)))
    frame = attempt(venue, json.dumps(with_junk(document, way, data.draw(JUNK))))
    said = [] if frame is None else frame.updates
    for update in said:
        assert isinstance(update.venue_symbol, str)
        numbers = [getattr(update, name) for name in VALUES]
        assert all(isinstance(n, float | int | UnsetType | None) for n in numbers)
        assert not any(isinstance(n, bool) for n in numbers)


@given(data=st.data())
def test_junk_in_a_change_leaves_what_was_known(data: st.DataObject) -> None:
    read = chains.reader_of("edgex", ["BTCUSDC"])
    whole = read(test_edgex.event(test_edgex.ticker()))
    change = json.loads(test_edgex.event(test_edgex.ticker(), kind="changed"))
    way = data.draw(st.sampled_from(places(change)))
    attempt("edgex", json.dumps(with_junk(change, way, data.draw(JUNK))), read)
    frame = attempt("edgex", test_edgex.event(test_edgex.ticker(), kind="changed"), read)
    assert frame is not None
    assert frame.updates == whole.updates


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
