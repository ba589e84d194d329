"""What passes at a glance is what a close look would let pass: nothing else, and most of it."""

import math
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from hypothesis import example, given
from hypothesis import strategies as st

from funding_platform.venues.errors import ContractError
from funding_platform.venues.streams import sound as closely
from funding_platform.venues.streams.contract import Channel
from funding_platform.venues.streams.glance import certainly_sound
from funding_platform.venues.streams.updates import VALUES, MarketUpdate

NOW_MS = 1_741_608_451_250
HOUR_MS = 3_600_000
SECOND = timedelta(seconds=1)

values: dict[str, st.SearchStrategy[Any]] = {
    "predicted_rate": st.sampled_from([1e-4, -0.01, 0.0, 0.9, None]),
    "interval_hours": st.sampled_from([1.0, 8.0, 7.0, 0.0, 25.0, None]),
    "next_funding_ms": st.sampled_from([NOW_MS + HOUR_MS, NOW_MS + 9 * HOUR_MS, 0, None])
    | st.just(NOW_MS + 25 * HOUR_MS),
    "mark_price": st.sampled_from([100.0, 9.0, 0.0, -1.0, None, 1e-320]),
    "index_price": st.sampled_from([100.0, 1001.0, 0.0, -1.0, None]),
    "best_bid": st.sampled_from([99.0, 0.0, -1.0, None]),
}
sound: dict[str, Any] = {
    "predicted_rate": 1e-4,
    "interval_hours": 8.0,
    "next_funding_ms": NOW_MS + HOUR_MS,
    "mark_price": 100.0,
    "index_price": 100.5,
    "best_bid": 99.0,
}
names = st.lists(st.sampled_from(sorted(values)), min_size=1, unique=True)


def channel_of(named: list[str]) -> Channel:
    said = tuple(name for name in VALUES if name in named)
    return Channel(name="some", values=said, period=SECOND, silence=10 * SECOND)


@given(
    names,
    st.sampled_from([1, 2, 40]),
    st.fixed_dictionaries({}, optional=values),
    st.none() | st.just(NOW_MS),
)
@example(["mark_price"], 1, {"mark_price": math.inf}, NOW_MS)
@example(["mark_price", "index_price"], 40, {}, NOW_MS)
def test_a_glance_passes_nothing_that_a_close_look_would_not(
    named: list[str], rows: int, odd: dict[str, Any], event_ms: int | None
) -> None:
    channel = channel_of(named)

    def update(number: int) -> MarketUpdate:
        said = {name: (sound | odd if number == rows - 1 else sound)[name] for name in named}
        return MarketUpdate(venue_symbol=f"S{number}", event_ms=event_ms, **said)

    updates = [update(number) for number in range(rows)]
    passed = certainly_sound(updates, channel.values)
    looked_at = close_look(channel, updates)
    if passed:
        assert looked_at == []
    elif rows == 1:
        assert looked_at != [], "a single row is judged as a close look would"


def close_look(channel: Channel, updates: list[MarketUpdate]) -> list[str]:
    """What is wrong with updates, without the glance."""
    with patch.object(closely, "certainly_sound", return_value=False):
        try:
            return [error.message for error in closely.frame_of("some", channel, updates).unread]
        except ContractError as error:
            return [error.message]
