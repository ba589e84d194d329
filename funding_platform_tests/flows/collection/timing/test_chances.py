"""Which venues are asked again within the hour, and when, with a clock of the test's own."""

from datetime import UTC, datetime

import pytest

from funding_platform.core.tables.collected import INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.flows.collection.timing.chances import Look, latest_chance, to_ask_again

WANTED = [(venue, table) for table in (INSTRUMENTS, MARKET_SNAPSHOTS) for venue in ("a", "b")]


def at(minute: int) -> datetime:
    return datetime(2026, 3, 14, 9, minute, tzinfo=UTC)


FIRST = Look(began=at(0), over=True)


@pytest.mark.parametrize(
    ("minute", "chance"), [(0, None), (4, None), (5, 5), (14, 5), (15, 15), (35, 35), (59, 35)]
)
def test_three_chances_an_hour(minute: int, chance: int | None) -> None:
    assert latest_chance(at(minute)) == (None if chance is None else at(chance))


def test_a_venue_is_asked_for_what_it_owes_and_nothing_else() -> None:
    stored = {("a", INSTRUMENTS), ("a", MARKET_SNAPSHOTS), ("b", INSTRUMENTS)}
    assert to_ask_again(at(5), WANTED, stored, [FIRST]) == {"b": [MARKET_SNAPSHOTS]}
    assert to_ask_again(at(5), WANTED, set(WANTED), [FIRST]) == {}


def test_after_a_first_look_that_stored_nothing_every_venue_is_asked() -> None:
    assert set(to_ask_again(at(5), WANTED, (), [FIRST])) == {"a", "b"}


@pytest.mark.parametrize(
    "looks",
    [
        [],
        [Look(began=at(0), over=False)],
        [Look(began=at(20), over=True)],
    ],
    ids=["never asked", "under way", "began after the chance"],
)
def test_nobody_is_asked_again_who_has_not_been_asked(looks: list[Look]) -> None:
    assert to_ask_again(at(15), WANTED, (), looks) == {}


def test_a_venue_that_is_being_asked_again_is_left_alone() -> None:
    again = Look(began=at(5), over=False, venue="a")
    assert set(to_ask_again(at(15), WANTED, (), [FIRST, again])) == {"b"}
