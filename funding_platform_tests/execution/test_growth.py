"""What a trader asks its store each minute costs the same after years: work is counted, not timed.

The work is SQLite's own count of the instructions that it carries out.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import event

from funding_platform.core.trading import OrderKind, OrderState, TimeInForce
from funding_platform.execution import Journal, open_store
from funding_platform.execution.cycle.memory import Ended, resting_bases
from funding_platform.execution.ledger import ledgers, live_ledgers
from funding_platform.execution.pair.pairs import LegName, OrderRole, PairState
from funding_platform.execution.store.changes import Changes
from funding_platform.execution.store.records import (
    FillRecord,
    NewEvent,
    OrderRecord,
    PaymentRecord,
)
from funding_platform.execution.store.store import Store
from funding_platform.flows.execution.mirror import changed_since
from funding_platform_tests.execution.test_store import legs, pair
from funding_platform_tests.execution.world import BTC

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=300)
HOUR = timedelta(hours=1)
VENUES = {LegName.LONG: "alpha", LegName.SHORT: "beta"}


def past_pair(number: int, at: datetime, state: PairState) -> Changes:
    """One pair with its legs, one order and one fill of each, as it is in the store."""
    name, over = f"p{number:07d}", state is not PairState.OPEN
    orders = [
        OrderRecord(
            client_id=f"{name}-{leg}",
            pair_id=name,
            leg=leg,
            role=OrderRole.OPEN,
            venue=venue,
            venue_symbol=BTC,
            side=leg.side,
            quantity=Decimal(1),
            kind=OrderKind.MARKET,
            limit_price=None,
            time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL,
            reduce_only=False,
            state=OrderState.FILLED,
            filled=Decimal(1),
            average_price=Decimal(100),
            venue_order_id=None,
            reason=None,
            message="",
            created_at=at,
            updated_at=at,
        )
        for leg, venue in VENUES.items()
    ]
    fills = [
        FillRecord(
            venue=one.venue,
            venue_symbol=BTC,
            fill_id=f"f{number:07d}",
            pair_id=name,
            leg=one.leg,
            client_id=one.client_id,
            side=one.side,
            quantity=Decimal(1),
            price=Decimal(100),
            fee_usd=Decimal("0.05"),
            maker=False,
            liquidation=False,
            synthetic=False,
            filled_at=at,
        )
        for one in orders
    ]
    return Changes(
        new_pair=pair(
            name,
            state=state,
            decided_at=at,
            opened_at=at,
            closed_at=at + HOUR if over else None,
            updated_at=at + HOUR if over else at,
        ),
        new_legs=[replace(leg, active=not over) for leg in legs(name)],
        new_orders=orders,
        fills={(one.venue, one.venue_symbol, one.fill_id): one for one in fills},
        events=[NewEvent(kind="opened", reason="", pair_id=name)],
    )


def payment(number: int, at: datetime) -> PaymentRecord:
    return PaymentRecord(
        venue="alpha",
        payment_id=f"{BTC}:{number}",
        pair_id=f"p{number:07d}",
        leg=LegName.LONG,
        venue_symbol=BTC,
        quantity=Decimal(1),
        rate=Decimal("0.0001"),
        amount_usd=Decimal("-0.01"),
        paid_at=at,
    )


@contextmanager
def store_with(path: Path, over: int) -> Iterator[tuple[Store, list[int]]]:
    """A store with so many pairs that are long over, one that is held; and a count of its work."""
    steps = [0]

    def count() -> int:
        steps[0] += 1
        return 0

    def watch(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_progress_handler(count, 1)

    times = [LONG_AGO + number * timedelta(seconds=1) for number in range(over)]
    path.mkdir()
    with open_store(f"sqlite:///{path}/trading.db", lambda: LONG_AGO) as store:
        journal = Journal(store)
        past = (past_pair(one, at, PairState.CLOSED) for one, at in enumerate(times))
        journal.write("past", *past)
        journal.add_payments(payment(one, at) for one, at in enumerate(times))
        store.now = lambda: NOW
        journal.write("held", past_pair(over, NOW - HOUR, PairState.OPEN))
        journal.add_payments([payment(over, NOW)])
        store.engine.dispose()
        event.listen(store.engine, "connect", watch)
        yield store, steps


def looked(journal: Journal) -> Callable[[], object]:
    ended = Ended(journal)
    ended.look(NOW)
    return lambda: ended.look(NOW)


QUESTIONS: dict[str, Callable[[Journal, int], Callable[[], object]]] = {
    "pairs held": lambda journal, over: lambda: live_ledgers(journal),
    "legs held": lambda journal, over: journal.active_legs,
    "unfinished orders": lambda journal, over: journal.unfinished_orders,
    "fills known": lambda journal, over: lambda: journal.fill_ids("alpha", NOW - 2 * HOUR),
    "holders": lambda journal, over: lambda: journal.holders("alpha", NOW - 2 * HOUR),
    "payments told again": lambda journal, over: lambda: journal.add_payments([payment(over, NOW)]),
    "bases at rest": lambda journal, over: lambda: resting_bases(journal.store, NOW, HOUR),
    "pairs over": lambda journal, over: looked(journal),
    "commands": lambda journal, over: lambda: journal.store.commands("asked"),
    "what is mirrored": lambda journal, over: lambda: changed_since(journal.store, NOW - 24 * HOUR),
}


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, int]]:
    """What each question costs after 20 pairs and after 400, in SQLite's instructions."""
    costs: dict[int, dict[str, int]] = {}
    for over in (20, 400):
        with store_with(tmp_path_factory.mktemp("growth") / str(over), over) as (store, steps):
            journal, costs[over] = Journal(store), {}
            for name, question in QUESTIONS.items():
                ask = question(journal, over)
                ask()
                steps[0] = 0
                ask()
                costs[over][name] = steps[0]
    return {name: (costs[20][name], costs[400][name]) for name in QUESTIONS}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_costs_no_more_after_years(
    work: dict[str, tuple[int, int]], question: str
) -> None:
    young, old = work[question]
    assert young > 0
    assert old <= 1.1 * young


def test_what_is_over_is_added_up_as_if_anew(tmp_path: Path) -> None:
    with store_with(tmp_path / "store", 5) as (store, _):
        journal = Journal(store)
        ended = Ended(journal)
        before = ended.look(NOW)
        assert before.fees_usd == Decimal("0.5")
        journal.write("another", past_pair(9, NOW - HOUR, PairState.CLOSED))
        ended.look(NOW)
        late = replace(journal.fills("p0000009")[0], fee_usd=Decimal("0.75"))
        key = (late.venue, late.venue_symbol, late.fill_id)
        journal.write("learned of late", Changes(fills={key: late}))
        assert ended.look(NOW) == Ended(journal).look(NOW) != before
        assert ended.look(NOW).fees_usd == Decimal("1.3")


def test_many_pairs_are_asked_about_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store_with(tmp_path / "store", 7) as (store, _):
        journal = Journal(store)
        names = [pair.pair_id for pair in journal.pairs()]
        whole = journal.fills(*names), ledgers(journal, journal.pairs_named(names))
        monkeypatch.setattr("funding_platform.execution.store.journal._AT_ONCE", 3)
        assert (journal.fills(*names), ledgers(journal, journal.pairs_named(names))) == whole
        assert [one.fill_id for one in whole[0]] == sorted(one.fill_id for one in whole[0])


def test_of_no_pair_nothing_is_read(tmp_path: Path) -> None:
    with store_with(tmp_path / "store", 3) as (store, _):
        journal = Journal(store)
        assert journal.fills(*(pair.pair_id for pair in journal.pairs()))
        assert ledgers(journal, []) == []
        for read in (journal.legs, journal.orders, journal.fills, journal.payments):
            assert read() == []
