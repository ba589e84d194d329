"""When an alert begins and ends, step by step."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.telemetry.alerts.observing import (
    NO_LONGER_OBSERVED,
    Alert,
    Observation,
    follow,
)
from funding_platform.telemetry.alerts.rules import CURVE_Z, RULES, Rule

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def told(values: list[float | None], rule: Rule = CURVE_Z) -> list[tuple[int, str]]:
    """The steps at which something is told, and what."""
    active: Alert | None = None
    found: list[tuple[int, str]] = []
    for step, value in enumerate(values):
        seen = Observation("okx BTC level", value, f"z is {value}")
        active, message = follow(rule, active, seen, NOW + step * MINUTE)
        if message is not None:
            found.append((step, message.event))
    return found


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.9, 2.0, 3.0, 2.5], [(1, "raised")]),
        ([2.0, 1.9, 2.1, 1.6, 2.2], [(0, "raised")]),  # trembles about the upper bound
        ([2.0, 1.5, 2.0], [(0, "raised"), (1, "resolved"), (2, "raised")]),
        ([2.0, None, 1.0], [(0, "raised"), (2, "resolved")]),  # unknown changes nothing
        ([None, float("nan"), 1.0], []),
        ([2.0, float("nan"), 2.0], [(0, "raised")]),
    ],
)
def test_the_edges_are_told_and_nothing_between(
    values: list[float | None], expected: list[tuple[int, str]]
) -> None:
    assert told(values) == expected


@given(st.lists(st.none() | st.floats(0, 4)))
def test_beginnings_and_ends_take_turns(values: list[float | None]) -> None:
    events = [event for _, event in told(values)]
    assert events == ["raised", "resolved"] * (len(events) // 2) + ["raised"] * (len(events) % 2)


def test_an_alert_says_what_was_seen_last_and_since_when() -> None:
    raised, first = follow(CURVE_Z, None, Observation("BTC", 2.5, "far"), NOW)
    later, nothing = follow(CURVE_Z, raised, Observation("BTC", 3.5, "further"), NOW + MINUTE)
    assert first is not None
    assert nothing is None
    assert later is not None
    assert (later.value, later.text, later.since, later.threshold) == (3.5, "further", NOW, 2.0)
    assert first.title == "The funding curve of BTC is far from its mean"
    _, last = follow(CURVE_Z, later, Observation("BTC", 0.1, "near"), NOW + 2 * MINUTE)
    assert last is not None
    assert (last.event, last.since, last.at, last.value) == ("resolved", NOW, NOW + 2 * MINUTE, 0.1)


def test_a_subject_that_is_gone_ends_its_alert_in_words() -> None:
    raised, _ = follow(CURVE_Z, None, Observation("BTC", 2.5, "far"), NOW)
    after, message = follow(CURVE_Z, raised, None, NOW + MINUTE)
    assert after is None
    assert message is not None
    assert (message.event, message.text, message.value) == ("resolved", NO_LONGER_OBSERVED, None)
    assert follow(CURVE_Z, None, None, NOW) == (None, None)


def test_the_id_is_of_the_beginning_and_the_event() -> None:
    def ids(since: datetime, subject: str = "BTC") -> list[str]:
        raised, first = follow(CURVE_Z, None, Observation(subject, 2.5, "far"), since)
        _, last = follow(CURVE_Z, raised, Observation(subject, 0.0, "near"), since + MINUTE)
        assert first is not None
        assert last is not None
        return [first.id, last.id]

    assert ids(NOW) == ids(NOW)
    assert len({*ids(NOW), *ids(NOW, "ETH"), *ids(NOW + MINUTE)}) == 6


def test_bounds_move_together() -> None:
    moved = CURVE_Z.raised_at(4.0)
    assert (moved.raise_at, moved.resolve_at) == (4.0, 3.0)
    for rule in RULES.values():
        assert rule.resolve_at < rule.raise_at
        assert "{subject}" in rule.title
    with pytest.raises(ValueError, match="not below its beginning"):
        Rule("never", "info", "{subject}", "?", "?", raise_at=1.0, resolve_at=1.0)
