"""Pairs of which a leg, or both, are inverse: what is held alike, what it brings, what is left."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding_platform.core.trading import FeeRates, InstrumentLimits
from funding_platform.execution import Outcome, PairResult, PairState, Script
from funding_platform.execution.ledger import PairLedger, ledgers
from funding_platform.execution.pair.book import PairBook
from funding_platform.execution.pair.entry.sizing import size_pair, smallest
from funding_platform.execution.pair.pairs import LEGS, InstrumentRef, LegName
from funding_platform.execution.pair.rounds.steps import (
    Complete,
    Finish,
    LegView,
    Reduce,
    next_step,
)
from funding_platform_tests.execution.world import BTC, LIMITS, VENUES, World, copy_of

D = Decimal
LONG, SHORT = LegName.LONG, LegName.SHORT
ALPHA, BETA = VENUES.values()
INSTRUMENTS = {leg: InstrumentRef(leg, "BTC") for leg in LEGS}
COIN = replace(
    LIMITS,
    quantity_step=D(100),
    min_quantity=D(100),
    min_notional_usd=D(0),
    contract_type="inverse",
)
MIXED = {LONG: LIMITS, SHORT: COIN}


@pytest.fixture
def world(empty_store: Path, tmp_path: Path) -> Iterator[World]:
    one = World(copy_of(empty_store, tmp_path), limits=MIXED)
    for market in one.markets.values():
        market.mids[BTC] = D("91.23")
    one.markets[BETA].each = D(100_000)
    yield one
    one.store.close()


def opened(world: World, usd: int = 1_000) -> PairResult:
    async def work() -> PairResult:
        await world.reconciler.reconcile()
        return await world.executor.open(world.intent(D(usd)))

    return world.time.run(work())


def ledger(world: World) -> PairLedger:
    (found,) = ledgers(world.journal, world.journal.pairs())
    return found


def view(limits: InstrumentLimits, held: str, mid: str = "91.23") -> LegView:
    per_base = D(mid) if limits.inverse else D(1)
    return LegView(held=D(held), limits=limits, price=D(mid), per_base=per_base)


# Sizes


def test_dollars_are_the_base_of_the_other_leg_at_the_mid() -> None:
    # 0.1096 of base are 10,000 dollars at 91,234: the coarser step, 100 dollars, decides.
    limits = {LONG: replace(LIMITS, quantity_step=D("0.0001")), SHORT: COIN}
    mids = dict.fromkeys(LEGS, D(91_234))
    size, refusals = size_pair(D(10_050), mids, limits, INSTRUMENTS)
    assert refusals == []
    assert size.of_leg == {LONG: D("0.1096"), SHORT: D(10_000)}
    assert float(size.lot) == pytest.approx(100 / 91_234)


def test_the_linear_step_decides_where_it_is_the_coarser() -> None:
    limits = {
        LONG: replace(LIMITS, quantity_step=D("0.01")),
        SHORT: replace(COIN, quantity_step=D(1)),
    }
    mids = dict.fromkeys(LEGS, D(91_234))
    size, _ = size_pair(D(10_000), mids, limits, INSTRUMENTS)
    assert size.of_leg == {LONG: D("0.10"), SHORT: D(9_123)}  # of 9,123.4 dollars


def test_two_inverse_legs_are_alike_in_base_at_their_own_mids() -> None:
    limits = {leg: replace(COIN, quantity_step=D(1)) for leg in LEGS}
    size, _ = size_pair(D(10_000), {LONG: D(100), SHORT: D("98")}, limits, INSTRUMENTS)
    assert size.of_leg == {LONG: D(10_000), SHORT: D(9_800)}


@given(
    st.sampled_from([D(one) for one in ("0.001", "0.01", "0.1", "5")]),
    st.sampled_from([D(one) for one in ("1", "10", "100")]),
    st.integers(1, 10**6),
    st.integers(1, 10**5),
    st.integers(1, 10**5),
    st.booleans(),
)
def test_legs_differ_by_half_the_finer_step_at_most(
    linear: Decimal, dollars: Decimal, usd: int, long: int, short: int, turned: bool
) -> None:
    limits = {
        LONG: replace(LIMITS, quantity_step=linear),
        SHORT: replace(COIN, quantity_step=dollars),
    }
    mids = {LONG: D(long), SHORT: D(short)}
    if turned:
        limits = {leg: limits[leg.other] for leg in LEGS}
        mids = {leg: mids[leg.other] for leg in LEGS}
    size, refusals = size_pair(D(usd), mids, limits, INSTRUMENTS)
    coin = SHORT if not turned else LONG
    base = {coin: size.of_leg[coin] / mids[coin], coin.other: size.of_leg[coin.other]}
    finer = min(dollars / mids[coin], linear)
    assert abs(base[LONG] - base[SHORT]) <= finer / 2 * D("1.000001")
    assert max(base[leg] * mids[leg] for leg in LEGS) <= usd + finer * max(mids.values())
    for leg in LEGS:
        assert limits[leg].on_step(size.of_leg[leg])
        if not refusals:
            own = limits[leg].quantity_step
            assert size.of_leg[leg] >= smallest(limits[leg], mids[leg], own)


# Steps


@pytest.mark.parametrize(
    ("long", "short", "expected"),
    [
        ("10.96", "1000", Finish(PairState.OPEN)),
        ("10.96", "500", Complete(SHORT, D(500))),
        ("5.00", "1000", Complete(LONG, D("5.96"))),  # 1,000 dollars are 10.96 of base
        ("0", "0", Finish(PairState.ABORTED)),
        ("10.96", "1200", Reduce({SHORT: D(200)}, PairState.OPENING)),
    ],
)
def test_what_follows_of_dollars_and_base(long: str, short: str, expected: object) -> None:
    legs = {LONG: view(LIMITS, long), SHORT: view(COIN, short)}
    lot = size_pair(D(1_000), dict.fromkeys(LEGS, D("91.23")), MIXED, INSTRUMENTS)[0].lot
    assert next_step(PairState.OPENING, legs, lot, D("10.96"), may_complete=True) == expected


def test_the_leg_that_leads_is_reduced_in_its_own_unit() -> None:
    legs = {LONG: view(LIMITS, "10.96"), SHORT: view(COIN, "500")}
    lot = size_pair(D(1_000), dict.fromkeys(LEGS, D("91.23")), MIXED, INSTRUMENTS)[0].lot
    expected = Reduce({LONG: D("5.48")}, PairState.OPEN)  # to the 5.48 that 500 dollars are
    assert next_step(PairState.OPEN, legs, lot, D("10.96"), may_complete=False) == expected


def test_the_smallest_pair_stands() -> None:
    legs = {LONG: view(replace(LIMITS, quantity_step=D(1)), "1"), SHORT: view(COIN, "100")}
    assert next_step(
        PairState.OPENING, legs, D("1.0961"), D("1.0961"), may_complete=True
    ) == Finish(PairState.OPEN)


# Pairs


def test_what_is_held_alike_is_base_at_the_mids_that_were_decided_on(world: World) -> None:
    result = opened(world)
    assert result.state is PairState.OPEN, result.reasons
    assert {leg: one.held for leg, one in result.legs.items()} == {
        LONG: D("10.96"),
        SHORT: D(1_000),
    }
    pair = ledger(world)
    assert abs(pair.net_base) <= LIMITS.quantity_step / 2
    assert pair.short.base == D(-1_000) / D("91.23")
    # The fill, a tick below the mid, makes it another by its slippage, and no more.
    assert pair.short.exposure == D(-1_000) / D("91.22")
    assert round(pair.notional_usd, 15) == max(D("10.96") * D("91.24"), D(1_000))
    assert world.wrong() == []


def test_the_average_of_a_leg_is_that_of_its_coins(world: World) -> None:
    world.markets[BETA].each = D(400)
    short = opened(world).legs[SHORT]
    assert short.planned == short.filled == 1_000
    coins = D(400) / D("91.22") + D(400) / D("91.21") + D(200) / D("91.20")
    assert short.average_price == D(1_000) / coins
    assert world.wrong() == []


def test_an_order_that_is_known_by_its_fills_alone_has_the_price_of_their_coins(
    world: World,
) -> None:
    world.markets[BETA].each = D(400)
    world.venues[BETA].conditions.grace_seconds = 60
    world.venues[BETA].faults.script(Script(outcome=Outcome.TIMEOUT_FILLED))
    result = opened(world)
    assert result.state is PairState.OPEN
    (order,) = (one for one in world.journal.orders(result.pair_id) if one.leg is SHORT)
    coins = D(400) / D("91.22") + D(400) / D("91.21") + D(200) / D("91.20")
    assert (order.filled, order.average_price) == (D(1_000), D(1_000) / coins)


def test_its_profit_is_that_of_the_accounts_at_any_price(world: World) -> None:
    for venue in world.venues.values():
        venue.engine.rules = replace(
            venue.engine.rules, fees=FeeRates(maker_bps=D(0), taker_bps=D(0))
        )
    opened(world)
    for market in world.markets.values():
        market.mids[BTC] = D("95.00")
    world.time.run(world.settle_down())
    pair = ledger(world)
    assert pair.pnl is not None
    bought = D("10.96") * (D(95) - D("91.24"))
    sold = -D(1_000) * (D(95) / D("91.22") - 1)
    assert float(pair.pnl.trading_usd) == pytest.approx(float(bought + sold))
    assert world.wrong() == []
    result = world.time.run(world.executor.close(pair.record.pair_id, "test"))
    assert result.state is PairState.CLOSED
    assert result.timings.naked == 0
    assert float(result.pnl.trading_usd) == pytest.approx(
        float(D("10.96") * (D("94.99") - D("91.24")) - D(1_000) * (D("95.01") / D("91.22") - 1))
    )
    assert world.wrong() == []


def test_funding_of_dollars_is_put_down(world: World) -> None:
    result = opened(world)
    world.markets[BETA].settle(BTC, world.time.now() + timedelta(seconds=1), D("0.001"))
    world.time.run(world.settle_down())
    short = ledger(world).short
    assert (short.funding_usd, short.settlements) == (D(1), 1)
    assert result.pnl.funding_usd == 0
    assert world.wrong() == []


def test_a_leg_that_fills_in_part_is_completed_or_reduced_to(world: World) -> None:
    world.venues[BETA].faults.script(Script(outcome=Outcome.PARTIAL, share=D("0.5")))
    result = opened(world)
    assert result.state is PairState.OPEN
    assert {leg: one.held for leg, one in result.legs.items()} == {
        LONG: D("10.96"),
        SHORT: D(1_000),
    }
    assert world.wrong() == []


def test_what_a_venue_takes_of_dollars_is_followed_in_base(world: World) -> None:
    opened(world)
    world.venues[BETA].deleverage(BTC, D(500))
    world.time.run(world.settle_down())
    pair = ledger(world)
    assert (pair.long.quantity, pair.short.quantity) == (D("5.48"), D(-500))
    assert world.wrong() == []


def test_a_pair_that_stands_alike_is_left_alone(world: World) -> None:
    opened(world)
    assert world.time.run(world.reconciler.reconcile()).resumed == ()


def test_what_a_venue_has_told_the_total_of_is_stood_in_for_in_coins(world: World) -> None:
    result = opened(world)
    pair_id, now = result.pair_id, world.time.now()
    told = [one for one in world.journal.orders(pair_id) if one.leg is SHORT]
    (fill,) = (one for one in world.journal.fills(pair_id) if one.leg is SHORT)
    book = PairBook(
        world.journal.pair(pair_id),
        world.journal.legs(pair_id),
        [replace(one, filled=D(0)) for one in told],
    )
    book.observe(replace(told[0].report(), average_price=D(100)), now)
    (stands,) = book.fills.values()
    assert (stands.quantity, stands.price) == (D(1_000), D(100))
    assert stands.fee_usd == D("0.5")  # 5 bps of the dollars
    book.add_fill(BETA, replace(fill.fill(), quantity=D(400), price=D(80)))
    (rest,) = (one for one in book.fills.values() if one.synthetic)
    # 1,000 at 100 are 10 coins, and 400 at 80 are 5 of them: 600 for the other 5.
    assert (rest.quantity, rest.price) == (D(600), D(120))
    book.observe(replace(told[0].report(), average_price=D(250)), now)
    assert all(one.price > 0 for one in book.fills.values())


def test_a_leg_that_is_no_longer_listed_is_closed_whole(world: World) -> None:
    result = opened(world)
    for market in world.markets.values():
        market.mids[BTC] = D(100)
    limits = world.venues[BETA].limits

    async def none_of_it(symbols: Sequence[str]) -> Mapping[str, InstrumentLimits]:
        return {x: y for x, y in (await limits(symbols)).items() if x != BTC}

    world.venues[BETA].limits = none_of_it  # type: ignore[method-assign]
    closed = world.time.run(world.executor.close(result.pair_id, "delisted"))
    assert closed.state is PairState.CLOSED
    assert world.positions(BTC) == [0, 0]


def test_it_is_gone_on_with_after_a_crash(world: World) -> None:
    result = opened(world)
    world.die()
    world.time.run(world.settle_down())
    (record,) = world.journal.legs(result.pair_id)[1:]
    assert record.contract_type == "inverse"
    closed = world.time.run(world.executor.close(result.pair_id, "test"))
    assert closed.state is PairState.CLOSED
    assert world.wrong() == []


def test_a_quanto_leg_is_refused_with_what_is_missing(world: World) -> None:
    known = world.markets[BETA].known
    known[BTC] = replace(known[BTC], contract_type="quanto")
    result = opened(world)
    assert result.state is PairState.REFUSED
    assert "contract_not_traded" in result.reasons[0]
    assert "what the coin is worth" in result.reasons[0]
