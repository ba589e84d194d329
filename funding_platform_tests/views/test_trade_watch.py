"""A trader on a terminal: what it shows of a store, and what keys do."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from textual.widgets import DataTable, Static

from funding_platform.execution.errors import StoreError
from funding_platform.flows.execution.reading import Standing, standing_of
from funding_platform.flows.execution.running import Desk
from funding_platform.views.trade_watch import TradeWatch
from funding_platform.views.trading_tables import clock_rows, shown_accounts, shown_pairs
from funding_platform_tests.execution.cycle.paper_desk import PaperVenues, config, desk, given
from funding_platform_tests.execution.cycle.seen import NOW, instrument
from funding_platform_tests.execution.cycle.test_trader import CARRY, OFFERED

DUE = NOW + timedelta(minutes=30)
ROWS = [
    instrument("aster", "BTC", 0.0, next_funding_time=DUE),
    instrument("binance", "BTC", 0.001, next_funding_time=DUE + timedelta(hours=4)),
]


def on_screen(
    folder: Path, look: Callable[[Desk, TradeWatch], Callable[[], None]], *keys: str, late: int = 5
) -> None:
    """Run a cycle, show it so many seconds later, press keys, and look."""

    async def scenario() -> None:
        venues = PaperVenues()
        venues.list_(ROWS)
        async with desk(folder, venues, given(ROWS, OFFERED), config(CARRY)) as made:
            await made.reconciler.reconcile()
            await made.trader.cycle()
            shown_at = venues.moved.at + timedelta(seconds=late)
            halt = partial(made.store.halt, "on the terminal", "ann")
            app = TradeWatch(partial(standing_of, made.store), halt, lambda: shown_at)
            async with app.run_test(size=(80, 24)) as pilot:
                await pilot.pause()
                await pilot.press(*keys)
                await pilot.pause()
                look(made, app)()

    asyncio.run(scenario())


def line(app: TradeWatch, name: str) -> str:
    return str(app.query_one(f"#{name}", Static).content)


def rows(app: TradeWatch, name: str) -> list[list[str]]:
    table: DataTable[object] = app.query_one(f"#{name}", DataTable)
    return [[str(cell).strip() for cell in table.get_row_at(n)] for n in range(table.row_count)]


def test_it_shows_pairs_clock_opportunities_events_and_sums(tmp_path: Path) -> None:
    def look(made: Desk, app: TradeWatch) -> Callable[[], None]:
        def check() -> None:
            assert "paper · cycle 1, 5.0 s old" in line(app, "status")
            assert line(app, "sums").startswith("1 pairs · 1,000 USD a leg · P&L +0.00 = ")
            (pair,) = rows(app, "pairs")
            assert pair[:5] == ["BTC", "aster", "binance", "1,000", "10.00"]
            assert pair[-1] == "open"
            assert rows(app, "clock") == [["0:29:55", "08:00", "BTC"]]
            assert rows(app, "offers")[0][:3] == ["BTC", "aster", "binance"]
            assert "BTC" in {row[2] for row in rows(app, "events")}
            for name in TradeWatch.PANELS:
                assert app.query_one(f"#{name}").region.height >= 4

        return check

    on_screen(tmp_path, look)


def test_a_trader_that_stopped_is_said_and_its_last_picture_stays(tmp_path: Path) -> None:
    def look(made: Desk, app: TradeWatch) -> Callable[[], None]:
        def check() -> None:
            assert "the trader stopped, or hangs: this is 10 min old" in line(app, "status")
            assert len(rows(app, "pairs")) == 1

        return check

    on_screen(tmp_path, look, late=600)


def test_the_key_halts_new_risk_at_once(tmp_path: Path) -> None:
    def look(made: Desk, app: TradeWatch) -> Callable[[], None]:
        def check() -> None:
            assert made.store.halted().halted
            assert "HALTED: on the terminal" in line(app, "status")

        return check

    on_screen(tmp_path, look, "h")


@pytest.mark.parametrize("key", ["z", "plus"])
def test_one_table_may_have_the_screen(tmp_path: Path, key: str) -> None:
    def look(made: Desk, app: TradeWatch) -> Callable[[], None]:
        def check() -> None:
            assert app.screen.maximized is app.query_one("#pairs")

        return check

    on_screen(tmp_path, look, key)


def test_a_screen_that_is_held_says_so(tmp_path: Path) -> None:
    def look(made: Desk, app: TradeWatch) -> Callable[[], None]:
        def check() -> None:
            assert line(app, "status").endswith("· paused")
            made.store.halt("meanwhile", "ann")
            app.look()
            assert "HALTED" not in line(app, "status")

        return check

    on_screen(tmp_path, look, "space")


def test_what_cannot_be_read_is_said_on_the_screen() -> None:
    def fails() -> Standing:
        raise StoreError("store.sqlite: disk I/O error")

    async def scenario() -> None:
        app = TradeWatch(fails, lambda: None, lambda: NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            assert "disk I/O error" in line(app, "status")

    asyncio.run(scenario())


def picture(**pair: object) -> dict[str, object]:
    known = {
        "pair_id": "0123456789abcdef",
        "state": "open",
        "base": "BTC",
        "long_venue": "aster",
        "short_venue": "okx",
        "notional_usd": 1_000.0,
        "divergence_8h": None,
        "funding_usd": None,
        "fees_usd": 1.0,
        "pnl_usd": None,
        "opened_at": None,
        "decided_at": NOW.isoformat(),
        "next_funding_at": None,
        **pair,
    }
    return {"pairs": [known], "venues": []}


def test_what_is_unknown_stays_blank() -> None:
    (row,) = shown_pairs(picture(), NOW).iter_rows(named=True)
    assert row["P&L"] is None
    assert row["bp/8h"] is None
    assert row["next"] is None
    assert clock_rows(picture(), NOW).is_empty()


def test_what_is_due_says_so() -> None:
    late: datetime = NOW - timedelta(seconds=5)
    (row,) = clock_rows(picture(next_funding_at=late.isoformat()), NOW).iter_rows(named=True)
    assert row == {"in": "due", "at": f"{late:%H:%M}", "pairs": "BTC"}


def test_accounts_in_trouble_come_first() -> None:
    venues = [
        {"venue": "a", "reachable": True, "equity_usd": 1.0, "free_usd": 1.0},
        {"venue": "b", "reachable": False, "equity_usd": None, "free_usd": None},
    ]
    shown = shown_accounts(
        {"venues": [{**one, "margin_ratio": None, "skew_seconds": None} for one in venues]}
    )
    assert shown.select("venue", "state").rows() == [("b", "down"), ("a", "live")]
