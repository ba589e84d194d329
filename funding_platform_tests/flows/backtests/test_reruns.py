"""Running a stored run again: the same figures, or what differs."""

import shutil
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from funding_platform.backtest.engine import run_backtest
from funding_platform.backtest.results.run_row import frame_digest
from funding_platform.core.system import source_code
from funding_platform.core.tables.backtests.ledgers import FRAMES
from funding_platform.flows.backtests import runs as backtests
from funding_platform.flows.backtests import store as backtest_store
from funding_platform.flows.backtests.data import provider_from_lake
from funding_platform.flows.backtests.runs import rerun, run_and_store
from funding_platform.flows.errors import RerunDiffersError
from funding_platform.lake.connection import connect
from funding_platform.lake.errors import SnapshotExpiredError
from funding_platform.lake.upkeep.maintenance import maintain
from funding_platform.settings import Settings
from funding_platform_tests.flows.backtests.lakes import CONFIG, setting
from funding_platform_tests.lake.conftest import age


def test_a_rerun_is_identical_whatever_was_written_since(own_lake: Settings) -> None:
    run = run_and_store(own_lake, CONFIG)
    with connect(own_lake, read_only=False) as connection:
        connection.execute("UPDATE core.funding_rates SET funding_rate = 2 * funding_rate")
        connection.execute("DELETE FROM core.fee_schedules")
        connection.execute("UPDATE core.instruments SET min_size = 1000")
    maintain(own_lake, keep_days=30)
    again = rerun(own_lake, run.run_id)
    assert again.row == run.row
    assert again.result is not None
    assert run.result is not None
    assert all(
        getattr(again.result, table.name).equals(getattr(run.result, table.name))
        for table in FRAMES
    )
    now = run_backtest(setting(costs={"flat_fee_bps": 2.0}), provider_from_lake(own_lake, CONFIG))
    assert not now.ledger.equals(run.result.ledger)


@pytest.mark.world
def test_a_rerun_says_what_differs(own_lake: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtests, "code_of", lambda config: "0.0.9+then")
    run = run_and_store(own_lake, CONFIG)
    monkeypatch.undo()
    with connect(own_lake, read_only=False) as connection:
        connection.execute("UPDATE backtest.trades SET fees_usd = fees_usd + 1 WHERE trade_id = 3")
    with pytest.raises(RerunDiffersError) as caught:
        rerun(own_lake, run.run_id)
    message = str(caught.value)
    assert "trades: 1 values of fees_usd differ, the first in row 3" in message
    assert "ledger" not in message
    assert "the code has changed: it was 0.0.9+then" in message


@pytest.mark.world
def test_a_rerun_on_other_data_says_so(own_lake: Settings) -> None:
    run = run_and_store(own_lake, CONFIG)
    with connect(own_lake, read_only=False) as connection:
        connection.execute("UPDATE core.funding_rates SET funding_rate = 2 * funding_rate")
        connection.execute(
            "UPDATE backtest.runs SET lake_snapshot_id = lake_snapshot_id + 2 WHERE run_id = ?",
            [run.run_id],
        )
    with pytest.raises(
        RerunDiffersError, match=r"the data is not what was read.*ledger: "
    ) as caught:
        rerun(own_lake, run.run_id)
    assert "the code is what it was" in str(caught.value)


@pytest.mark.world
def test_an_expired_snapshot_is_an_error_of_its_own(own_lake: Settings) -> None:
    run = run_and_store(own_lake, CONFIG)
    run_and_store(own_lake, CONFIG)
    age(own_lake, timedelta(days=1.5))
    maintain(own_lake, keep_days=0)
    with pytest.raises(SnapshotExpiredError, match="keep-days"):
        rerun(own_lake, run.run_id)


def test_a_digest_knows_every_bit_but_the_sign_of_zero() -> None:
    frame = pl.DataFrame({"a": [0.1 + 0.2, -0.0, None]})
    same = pl.DataFrame({"a": [0.30000000000000004, 0.0, None]})
    assert frame_digest(frame) == frame_digest(same)
    assert frame_digest(frame) != frame_digest(pl.DataFrame({"a": [0.3, 0.0, None]}))
    assert frame_digest(frame) != frame_digest(frame.rename({"a": "b"}))
    assert frame_digest(frame) != frame_digest(frame.reverse())


def test_the_code_version_follows_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code_version = backtest_store.code_version.__wrapped__
    version = code_version()
    unread = shutil.ignore_patterns("__pycache__")
    copied = shutil.copytree(source_code.PACKAGE, tmp_path / "copy", ignore=unread)
    monkeypatch.setattr(source_code, "PACKAGE", copied)
    assert code_version() == version
    for name in ("core/units.py", "backtest/kernel/margins.py", "flows/backtests/data.py"):
        source = copied / name
        source.write_text(source.read_text() + "\n")
        assert code_version() != version
        version = code_version()
    (copied / "flows/backtests/runs.py").write_text("")
    assert code_version() == version
