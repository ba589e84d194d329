"""Ages of data, on a clock that is moved by hand."""

from datetime import timedelta

from funding_platform.venues.streams.contract import Channel
from funding_platform.venues.streams.liveness import LOOKS, Liveness


def channel(name: str, silence: float, *, of_each: bool = False) -> Channel:
    return Channel(
        name=name,
        values=("mark_price",),
        period=timedelta(seconds=silence / 5),
        silence=timedelta(seconds=silence),
        of_each=of_each,
    )


MARK, FUNDING = channel("mark", 5.0, of_each=True), channel("funding", 60.0)


def test_a_channel_is_silent_once_nothing_came_for_longer_than_its_bound() -> None:
    liveness = Liveness([MARK, FUNDING], ["A", "B"], now=100.0)
    assert liveness.silent_channels(105.0) == {}
    assert liveness.silent_channels(105.1) == {"mark": 105.1 - 100.0}
    liveness.hear("mark", ["A"], 105.1)
    assert liveness.silent_channels(110.1) == {}
    assert liveness.silent_channels(161.0).keys() == {"mark", "funding"}


def test_ages_are_looked_at_often_enough() -> None:
    """A stall is seen at the bound or one look later: before a quarter of the bound is over."""
    liveness = Liveness([MARK, FUNDING], ["A"], now=0.0)
    assert liveness.look_every == 5.0 / LOOKS
    assert 5.0 + liveness.look_every < 2 * 5.0


def test_each_perpetual_has_to_speak_where_the_channel_says_so() -> None:
    liveness = Liveness([MARK, FUNDING], ["A", "B"], now=0.0)
    for second in range(1, 8):
        liveness.hear("mark", ["A"], float(second))
        liveness.hear("funding", ["A"], float(second))
    assert liveness.silent_channels(7.0) == {}
    assert liveness.silent_symbols(7.0) == {"mark": {"B"}}
    liveness.hear("mark", ["B"], 7.0)
    assert liveness.silent_symbols(7.0) == {}


def test_the_count_begins_with_the_last_subscription() -> None:
    """Asking for hundreds of perpetuals within a budget takes longer than a bound."""
    liveness = Liveness([MARK], ["A", "B"], now=0.0)
    liveness.hear("mark", ["A"], 20.0)
    liveness.begin(19.0)
    assert liveness.silent_symbols(24.0) == {}
    assert liveness.silent_symbols(24.5) == {"mark": {"B"}}
    assert liveness.silent_symbols(25.5) == {"mark": {"A", "B"}}


def test_what_was_heard_of() -> None:
    liveness = Liveness([MARK, FUNDING], ["A", "B"], now=0.0)
    assert not liveness.complete
    liveness.hear("mark", ["A"], 1.0)
    assert liveness.unheard("mark") == {"B"}
    assert not liveness.complete
    liveness.hear("funding", [], 2.0)
    assert liveness.complete
    assert liveness.unheard("funding") == {"A", "B"}
    assert liveness.age(5.0) == 3.0


def test_strangers_and_other_channels_are_not_kept() -> None:
    liveness = Liveness([MARK], ["A"], now=0.0)
    liveness.hear("mark", [f"stranger {number}" for number in range(1_000)], 1.0)
    liveness.hear("another", ["A"], 1.0)
    assert liveness.silent_symbols(100.0) == {"mark": {"A"}}
    assert liveness.unheard("mark") == {"A"}
