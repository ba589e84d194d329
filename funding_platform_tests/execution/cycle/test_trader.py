"""A trader over paper venues: opens, holds through settlements, closes, and accounts for it."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from funding_platform.execution.commands import CLOSE, HALT, SET_LIMITS, Commands
from funding_platform.execution.cycle.facts import Exit, Refusal
from funding_platform.execution.cycle.sight import Sight
from funding_platform.execution.ledger import ledgers
from funding_platform.execution.pair.pairs import PairState
from funding_platform.flows.execution.reading import standing_of
from funding_platform.strategies import CrossVenueCarry
from funding_platform_tests.execution.cycle.paper_desk import PaperVenues, config, desk, given
from funding_platform_tests.execution.cycle.seen import NOW, instrument, opportunity
from funding_platform_tests.execution.stored import all_orders

CARRY = CrossVenueCarry(better_by=None, erosion=1.0, max_age_hours=None)
ROWS = [instrument("aster", "BTC", 0.0), instrument("binance", "BTC", 0.001)]
OFFERED = [opportunity("BTC", "aster", "binance")]


@pytest.fixture
def venues() -> PaperVenues:
    made = PaperVenues()
    made.list_(ROWS)
    return made


def test_a_pair_is_opened_held_through_two_settlements_and_closed(
    tmp_path: Path, venues: PaperVenues
) -> None:
    async def scenario() -> None:
        source = given(ROWS, OFFERED)
        async with desk(tmp_path, venues, source, config(CARRY)) as made:
            await made.reconciler.reconcile()
            first = await made.trader.cycle()
            assert [(r.state, r.reasons) for r in first.results] == [(PairState.OPEN, ())]
            assert first.content["totals"]["pairs"] == 1
            assert first.content["pairs"][0]["entry_divergence_8h"] == pytest.approx(0.001)
            for hours in (8, 16):
                at = NOW + timedelta(hours=hours)
                venues.settle("binance", "BTCUSDT", at, "0.001", "100")
                venues.settle("aster", "BTCUSDT", at, "0.0002", "100")
            venues.moved.move(17 * 3600)
            await made.reconciler.reconcile()
            flipped = [instrument("aster", "BTC", 0.0), instrument("binance", "BTC", -0.001)]
            source.sight = given([{**row, "seen_at": venues.moved.at} for row in flipped], ()).sight
            last = await made.trader.cycle()
            assert [c.reason for c in last.decisions.closes] == [Exit.FLIPPED]
            assert [r.state for r in last.results] == [PairState.CLOSED]
            assert not last.pairs
            # 10 BTC at 100 USD: twice 1,000 * (0.001 - 0.0002), no fees, no price moved.
            (ledger,) = ledgers(made.trader.journal, made.trader.journal.pairs())
            assert ledger.pnl is not None
            assert ledger.pnl.funding_usd == Decimal("1.6")
            assert ledger.pnl.total_usd == Decimal("1.6")
            assert last.content["since_start"]["pnl_usd"] == pytest.approx(1.6)
            assert venues.equity == Decimal("20001.6")

    asyncio.run(scenario())


def test_a_refusal_is_told_once_and_places_nothing(tmp_path: Path, venues: PaperVenues) -> None:
    async def scenario() -> None:
        old = [opportunity("BTC", "aster", "binance", observed_at=NOW - timedelta(hours=1))]
        async with desk(tmp_path, venues, given(ROWS, old), config(CARRY)) as made:
            await made.reconciler.reconcile()
            for _ in range(3):
                report = await made.trader.cycle()
                assert not report.results
            events = standing_of(made.store).events
            told = events.filter(events["kind"] == "open_refused")
            assert told["reason"].str.starts_with(f"{Refusal.STALE_OPPORTUNITIES}: ").to_list() == [
                True
            ]
            assert not all_orders(made.trader.journal)
            venues.moved.move(3601)
            await made.trader.cycle()
            assert standing_of(made.store).events.height == events.height + 1

    asyncio.run(scenario())


def test_a_market_that_cannot_be_seen_is_a_refusal_with_its_reason(
    tmp_path: Path, venues: PaperVenues
) -> None:
    class Blind:
        def look(self, held: object) -> Sight:
            from funding_platform.flows.errors import NotBuiltError

            raise NotBuiltError("the marts have not been built yet")

    async def scenario() -> None:
        source = given(ROWS, OFFERED)
        async with desk(tmp_path, venues, source, config(CARRY)) as made:
            made.trader.source = Blind()
            await made.reconciler.reconcile()
            report = await made.trader.cycle()
            assert not report.results
            assert (
                "market_unseen: the marts have not been built yet"
                in (report.content["cycle"]["refused"])
            )

    asyncio.run(scenario())


def test_a_venue_that_is_cut_off_is_unknown_and_refuses_what_would_need_it(
    tmp_path: Path, venues: PaperVenues
) -> None:
    async def scenario() -> None:
        source = given(ROWS, OFFERED)
        async with desk(tmp_path, venues, source, config(CARRY)) as made:
            await made.reconciler.reconcile()
            venues.exchanges["aster"].conditions.clock_skew = timedelta(seconds=30)
            report = await made.trader.cycle()
            assert [one.reason for one in report.decisions.refused] == [Refusal.CLOCK_SKEW]
            assert not report.results

    asyncio.run(scenario())


def test_commands_close_halt_and_limit_and_leave_events(
    tmp_path: Path, venues: PaperVenues
) -> None:
    async def scenario() -> None:
        source = given(ROWS, OFFERED)
        async with desk(tmp_path, venues, source, config(CARRY)) as made:
            await made.reconciler.reconcile()
            await made.trader.cycle()
            (pair,) = made.trader.journal.pairs(PairState.OPEN)
            commands = Commands(made.trader, made.reconciler)
            made.store.add_command(SET_LIMITS, {"max_pairs": 3}, "ann")
            made.store.add_command(SET_LIMITS, {"max_pairs": 0}, "ann")
            made.store.add_command("open", {"base": "BTC"}, "mallory")
            made.store.add_command(HALT, {}, "ann")
            made.store.add_command(CLOSE, {"pair_id": pair.pair_id[:6]}, "ann")
            assert await commands.carry_out() == 5
            done = {one.command_id: (one.state, one.outcome) for one in made.store.commands()}
            assert done[1] == ("done", "max_pairs is 3")
            assert done[2][0] == "refused"
            assert "max_pairs: input should be greater than or equal to 1" in done[2][1]
            assert done[3][0] == "refused"
            assert "there is no command 'open'" in done[3][1]
            assert done[5] == ("done", f"{pair.pair_id} is closed, net 0.00 USD")
            assert made.trader.config.limits.max_pairs == 3
            report = await made.trader.cycle()
            assert [one.reason for one in report.decisions.refused] == [Refusal.HALTED]
            kinds = standing_of(made.store).events["kind"].to_list()
            assert kinds.count("command_asked") == 5
        async with desk(tmp_path, venues, source, config(CARRY)) as again:
            Commands(again.trader, again.reconciler).remembered_limits()
            assert again.trader.config.limits.max_pairs == 3
            assert again.store.halted().halted

    asyncio.run(scenario())


def test_a_sidecar_reconciles_first_runs_its_cycles_and_leaves_a_picture(
    tmp_path: Path, venues: PaperVenues
) -> None:
    async def scenario() -> None:
        source = given(ROWS, OFFERED)
        async with desk(tmp_path, venues, source, config(CARRY)) as made:
            told: list[int] = []
            sidecar = made.sidecar(lambda report: told.append(len(report.pairs)))
            await sidecar.run(cycles=3)
            assert told == [1, 1, 1]
            kinds = standing_of(made.store).events["kind"].to_list()
            assert kinds[0] == "sidecar_started"
            assert kinds[-1] == "sidecar_stopped"
            assert standing_of(made.store).content()["cycle"]["number"] == 3

    asyncio.run(scenario())


def test_a_sidecar_that_is_asked_to_stop_finishes_and_begins_nothing(
    tmp_path: Path, venues: PaperVenues
) -> None:
    async def scenario() -> None:
        async with desk(tmp_path, venues, given(ROWS, OFFERED), config(CARRY)) as made:
            sidecar = made.sidecar(lambda _: sidecar.stop())
            await asyncio.wait_for(sidecar.run(), timeout=30)
            assert sidecar.cycles == 1
            assert len(made.trader.journal.pairs(PairState.OPEN)) == 1

    asyncio.run(scenario())
