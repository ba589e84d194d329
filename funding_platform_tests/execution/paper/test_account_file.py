"""An account that outlives its process: nothing that was acknowledged is lost, however it dies."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path

import pytest

from funding_platform.core.trading import OrderState, Side
from funding_platform.execution import PaperExchange
from funding_platform.execution.errors import AccountFileError
from funding_platform.execution.paper.account_file import AccountFile
from funding_platform.paper import PaperEngine, PaperState
from funding_platform_tests.checkout import ROOT
from funding_platform_tests.execution.paper.clocks import SteppedTime
from funding_platform_tests.paper.markets import BTC, START, WrittenMarket, after, request

DEPOSIT = Decimal(1_000_000)


def written() -> WrittenMarket:
    market = WrittenMarket()
    market.write(bids=[(99.9, 5_000)], asks=[(100.1, 5_000)], mark=100)
    return market


def reopened(path: Path, market: WrittenMarket) -> tuple[PaperEngine, AccountFile]:
    file = AccountFile(path)
    return file.engine(market, deposit_usd=DEPOSIT), file


def known(state: PaperState) -> dict[str, object]:
    return {name: value for name, value in asdict(state).items() if name != "now"}


def test_everything_is_as_it_was(tmp_path: Path) -> None:
    market, time = written(), SteppedTime(START)
    engine, file = reopened(tmp_path / "account.db", market)
    paper = PaperExchange("paper", engine, clock=time.clock(), save=file.save)
    for order in (
        request("filled", Side.BUY, 2),
        request("waits", Side.BUY, 1, 95),
        request("canceled", Side.SELL, 1, 105),
        request("filled", Side.SELL, "0.5"),
    ):
        asyncio.run(paper.place(order))
        time.seconds += 1
    asyncio.run(paper.cancel(BTC, "canceled"))
    market.settle(after(10), "0.001", "100")
    time.seconds = 20
    asyncio.run(paper.balance())
    paper.deleverage(BTC, Decimal("0.5"))
    file.close()
    again, file = reopened(tmp_path / "account.db", market)
    assert known(again.state) == known(engine.state)
    assert [x.client_id for x in again.open_orders()] == ["waits"]
    assert len(again.state.payments) == 1
    again.advance(after(30))
    assert len(again.state.payments) == 1
    file.close()


def test_what_waited_fills_after_a_restart(tmp_path: Path) -> None:
    market = written()
    engine, file = reopened(tmp_path / "account.db", market)
    engine.place(request("waits", Side.BUY, 1, 95), START)
    file.save()
    file.close()
    engine, file = reopened(tmp_path / "account.db", market)
    market.write(bids=[(90, 1)], asks=[(94, 5)])
    engine.advance(after(1))
    file.save()
    file.close()
    engine, file = reopened(tmp_path / "account.db", market)
    report = engine.order("waits")
    assert report is not None
    assert report.state is OrderState.FILLED
    assert engine.open_orders() == []
    file.close()


def test_a_late_fill_of_a_canceled_order_is_kept(tmp_path: Path) -> None:
    market = written()
    engine, file = reopened(tmp_path / "account.db", market)
    engine.place(request("a", Side.BUY, 1, 101), START, cap=Decimal(0))
    engine.cancel("a", START)
    file.save()
    engine.fill_late("a", after(1))
    file.save()
    file.close()
    engine, file = reopened(tmp_path / "account.db", market)
    report = engine.order("a")
    assert report is not None
    assert (report.state, float(report.filled)) == (OrderState.FILLED, 1)
    file.close()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    file = AccountFile(tmp_path / "account.db")
    with pytest.raises(AccountFileError, match="locked"):
        AccountFile(tmp_path / "account.db")
    file.close()
    AccountFile(tmp_path / "account.db").close()


def test_another_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database, and longer than the header of one would be" * 40)
    before = path.read_bytes()
    with pytest.raises(AccountFileError):
        AccountFile(path)
    assert path.read_bytes() == before


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "account.db") as connection:
        connection.execute("PRAGMA user_version = 3")
    connection.close()
    with pytest.raises(AccountFileError, match="version 3"):
        AccountFile(tmp_path / "account.db")


def test_a_file_of_before_there_were_inverse_positions_is_gone_on_with(tmp_path: Path) -> None:
    market, path = written(), tmp_path / "account.db"
    engine, file = reopened(path, market)
    engine.place(request("old", Side.BUY, 2), START)
    file.save()
    file.close()
    with sqlite3.connect(path) as connection:
        connection.execute(
            "UPDATE account SET document = json_remove(document, '$.account.inverse', "
            f"'$.account.positions.{BTC}.coins', '$.account.positions.{BTC}.own')"
        )
        connection.execute("UPDATE orders SET document = json_remove(document, '$.coins')")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    again, file = reopened(path, market)
    assert known(again.state) == known(engine.state)
    file.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    connection.close()


TRADE = """
import asyncio, sys
from pathlib import Path
from funding_platform.core.trading import Side
from funding_platform.execution import PaperExchange
from funding_platform_tests.execution.paper.test_account_file import reopened, written
from funding_platform_tests.paper.markets import request

engine, file = reopened(Path(sys.argv[1]), written())
paper = PaperExchange("paper", engine, save=file.save)

async def trade():
    number = len(engine.state.orders)
    while True:
        number += 1
        order = request(f"o{number}", Side.BUY, "0.1", 95 if number % 3 else None)
        report = await paper.place(order)
        print(report.client_id, report.state, flush=True)

asyncio.run(trade())
"""


@pytest.mark.world
def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path, acknowledged = tmp_path / "account.db", dict[str, str]()
    for lines in (1, 7, 23, 40):
        process = subprocess.Popen(
            [sys.executable, "-c", TRADE, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.readlines()
        process.wait()
        process.stdout.close()
        acknowledged |= dict(line.split() for line in told if line.endswith("\n"))
    engine, file = reopened(path, written())
    state = engine.state
    assert len(acknowledged) >= 71
    assert {x: str(state.orders[x].state) for x in acknowledged} == acknowledged
    # What was not acknowledged is there whole or not at all, and at most one order a death.
    assert len(state.orders) <= len(acknowledged) + 4
    filled = sum((fill.quantity for fill in state.fills), Decimal(0))
    assert filled == state.account.quantity(BTC)
    assert filled == sum((x.filled for x in state.orders.values()), Decimal(0))
    file.close()
