"""Everything that is refused: an event with its reason, on the screen, and nothing placed."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from funding_platform.core.trading import InstrumentLimits
from funding_platform.execution.cycle.sight import GivenMarket
from funding_platform.execution.pair.pairs import InstrumentRef, PairState
from funding_platform.flows.execution.reading import standing_of
from funding_platform.paper.priced import PricedMarket
from funding_platform.paper.rules import FREE, PaperRules
from funding_platform.strategies import CrossVenueCarry
from funding_platform_tests.execution.cycle.paper_desk import PaperVenues, config, desk, given
from funding_platform_tests.execution.cycle.seen import NOW, Row, instrument, opportunity
from funding_platform_tests.execution.stored import all_orders

CARRY = CrossVenueCarry(better_by=None, erosion=1.0, max_age_hours=None)
ROWS = [instrument("aster", "BTC", 0.0), instrument("binance", "BTC", 0.001)]
OFFERED = [opportunity("BTC", "aster", "binance")]

LIMITS = InstrumentLimits(
    venue_symbol="BTCUSDT",
    quantity_step=Decimal("0.001"),
    price_step=Decimal("0.1"),
    min_quantity=Decimal("0.001"),
)


def traded_on(
    rules: PaperRules = FREE, deposit: int = 10_000, limits: InstrumentLimits = LIMITS
) -> PaperVenues:
    """Two venues that list the pair."""
    venues = PaperVenues()
    venues.markets["aster"] = PricedMarket({}, {"BTCUSDT": limits})
    venues.list_(ROWS, rules, Decimal(deposit))
    return venues


def missing_venue() -> PaperVenues:
    venues = traded_on()
    del venues.exchanges["aster"]
    return venues


def unknown_symbol() -> PaperVenues:
    venues = PaperVenues()
    venues.list_([instrument("aster", "ETH", 0.0), ROWS[1]])
    return venues


def skewed() -> PaperVenues:
    venues = traded_on()
    venues.exchanges["binance"].conditions.clock_skew = timedelta(seconds=30)
    return venues


def cut_off() -> PaperVenues:
    venues = traded_on()
    venues.exchanges["binance"].disconnect(3600)
    return venues


def fees_unknown() -> PaperVenues:
    return traded_on(replace(FREE, fees_now=lambda: None))


STALE = given(ROWS, [opportunity("BTC", "aster", "binance", observed_at=NOW - timedelta(hours=1))])
FRESH = given(ROWS, OFFERED)
IN_COIN = GivenMarket(replace(FRESH.sight, instruments=FRESH.sight.instruments[:1], untraded={}))
IN_COIN.sight = replace(IN_COIN.sight, untraded={InstrumentRef("binance", "BTCUSD_PERP"): "quanto"})

CASES: list[tuple[str, Callable[[], PaperVenues], GivenMarket]] = [
    ("missing_venue", missing_venue, FRESH),
    ("unknown_symbol", unknown_symbol, FRESH),
    ("stale_opportunities", traded_on, STALE),
    ("no_opportunities", traded_on, given(ROWS, [])),
    (
        "below_minimum",
        lambda: traded_on(limits=replace(LIMITS, min_quantity=Decimal(11))),
        FRESH,
    ),
    (
        "below_minimum",
        lambda: traded_on(limits=replace(LIMITS, min_notional_usd=Decimal(5_000))),
        FRESH,
    ),
    (
        "above_maximum",
        lambda: traded_on(limits=replace(LIMITS, max_quantity=Decimal(1))),
        FRESH,
    ),
    (
        "below_minimum",
        lambda: traded_on(limits=replace(LIMITS, quantity_step=Decimal(50))),
        FRESH,
    ),
    ("not_trading", lambda: traded_on(limits=replace(LIMITS, trading=False)), FRESH),
    ("insufficient_balance", lambda: traded_on(deposit=100), FRESH),
    ("insufficient_margin", lambda: traded_on(deposit=500), FRESH),
    ("clock_skew", skewed, FRESH),
    ("venue_unreachable", cut_off, FRESH),
    ("fees_unknown", fees_unknown, FRESH),
    ("contract_not_traded", traded_on, IN_COIN),
]


@pytest.mark.parametrize(("reason", "made", "source"), CASES)
def test_it_is_an_event_on_the_screen_and_nothing_is_placed(
    tmp_path: Path,
    reason: str,
    made: Callable[[], PaperVenues],
    source: GivenMarket,
) -> None:
    venues = made()

    async def scenario() -> None:
        async with desk(tmp_path, venues, source, config(CARRY)) as opened:
            opened.trader.executor.ready = True  # also of a venue that cannot be asked
            report = await opened.trader.cycle()
            stands = standing_of(opened.store)
            told = stands.events.filter(stands.events["kind"].is_in(["open_refused", "refused"]))
            assert told["reason"].str.starts_with(f"{reason}: ").to_list() == [True]
            assert any(
                one.startswith(f"{reason}: ") for one in stands.content()["cycle"]["refused"]
            )
            assert not report.opened
            assert not all_orders(opened.trader.journal)
            for exchange in venues.exchanges.values():
                assert not exchange.engine.state.orders

    asyncio.run(scenario())


def test_a_pair_that_the_venues_do_not_allow_lets_its_base_rest_and_others_have_their_turn(
    tmp_path: Path,
) -> None:
    rows: list[Row] = [*ROWS, instrument("aster", "ETH", 0.0), instrument("binance", "ETH", 0.0008)]
    source = given(rows, [*OFFERED, opportunity("ETH", "aster", "binance")])
    venues = traded_on(limits=replace(LIMITS, trading=False))
    venues.list_(rows)

    async def scenario() -> None:
        limited = config(CARRY, limits={"max_new_per_cycle": 1})
        async with desk(tmp_path, venues, source, limited) as opened:
            await opened.reconciler.reconcile()
            states = [[(r.state) for r in (await opened.trader.cycle()).results] for _ in range(3)]
            assert states == [[PairState.REFUSED], [PairState.OPEN], []]
            refused = [one for one in opened.store.events() if one.kind == "refused"]
            assert len(refused) == 1
            assert opened.trader.journal.pairs(PairState.OPEN)[0].base == "ETH"

    asyncio.run(scenario())
