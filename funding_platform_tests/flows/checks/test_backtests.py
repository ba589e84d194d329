"""What the asset checks ask of stored runs: books that add up, an edge that is still there."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from funding_platform.core.tables.backtests.ledgers import TRADES
from funding_platform.core.tables.registry import TABLES
from funding_platform.flows.backtests.runs import run_and_store
from funding_platform.flows.checks.answer import Answer
from funding_platform.flows.checks.backtests import edge_holds, identity_holds
from funding_platform.flows.queries.trading.runs import StoredRun
from funding_platform.lake import connect
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform_tests.backtest.markets import drawn_market
from funding_platform_tests.flows.backtests.lakes import fill, row_of, setting

NOTIONAL = 1_000.0


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, StoredRun]:
    """A lake with one real run."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("checks") / "data")
    fill(settings, drawn_market(3))
    return settings, run_and_store(settings, setting())


@pytest.fixture
def lake(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path / "data")
    fill(settings, drawn_market(3))
    return settings


def asked(settings: Settings, question: object) -> Answer:
    assert callable(question)
    with connect(settings) as connection:
        answer = question(connection)
    assert isinstance(answer, Answer)
    return answer


def spoilt(settings: Settings, sql: str) -> Answer:
    """The verdict on the books after a change that is taken back."""
    with connect(settings, read_only=False) as connection:
        connection.execute("BEGIN")
        connection.execute(sql)
        answer = identity_holds(connection)
        connection.execute("ROLLBACK")
    return answer


# --- the books


def test_sound_books_hold(template: tuple[Settings, StoredRun]) -> None:
    answer = asked(template[0], identity_holds)
    assert (answer.passed, answer.verdict) == (True, "1 runs add up")
    assert float(str(answer.figures["largest error"])) < 1e-9


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE backtest.equity SET equity = equity - 0.01 WHERE n_positions = 0 AND drawdown > 0",
        "UPDATE backtest.equity SET fees_usd = 0 WHERE fees_usd > 0",
        "UPDATE backtest.trades SET funding_usd = funding_usd + 0.01 WHERE trade_id = 1",
        "DELETE FROM backtest.ledger WHERE seq = 3",
        "DELETE FROM backtest.ledger",
        "DELETE FROM backtest.equity",
    ],
)
def test_a_cent_that_is_lost_is_found(template: tuple[Settings, StoredRun], sql: str) -> None:
    settings, run = template
    answer = spoilt(settings, sql)
    assert not answer.passed
    assert answer.verdict == f"1 of 1 runs do not add up: {run.run_id}"


def test_no_runs_are_no_failure(lake: Settings) -> None:
    assert asked(lake, identity_holds).verdict == "0 runs add up"
    assert asked(lake, edge_holds) == Answer(True, "no run is stored")


# --- the edge


def earned(settings: Settings, run_id: str, returns: np.ndarray, since: datetime) -> None:
    """Put trades of one leg in place of a run's: each an hour long, with a given net return."""
    opened = [since + k * timedelta(hours=1) for k in range(len(returns))]
    frame = pl.DataFrame(
        {
            "trade_id": range(len(returns)),
            "position_id": range(len(returns)),
            "opened_at": opened,
            "closed_at": [one + timedelta(hours=1) for one in opened],
            "funding_usd": returns * NOTIONAL,
        },
        schema_overrides={"opened_at": pl.Datetime("us", "UTC")},
    )
    zero = {
        name: 0.0
        for name in TRADES.column_names
        if name.endswith("_usd") and name not in ("funding_usd", "notional_usd")
    }
    rows = row_of(
        TRADES, frame, run_id=run_id, venue="v", venue_symbol="s", base="B", side="long",
        quantity_base=1.0, notional_usd=NOTIONAL, entry_price=1.0, exit_price=1.0,
        price_source="mark", n_settlements=1, exit_reason="divergence eroded", **zero,
    )  # fmt: skip
    with Lake(settings) as lake:
        lake.connection.execute("DELETE FROM backtest.trades WHERE run_id = ?", [run_id])
        with lake.commit("test", "trades") as transaction:
            transaction.append(TABLES["backtest.trades"], rows)


def later_run(lake: Settings, later: np.ndarray, *, promised: np.ndarray) -> Answer:
    """A first run with promised returns, a later one with out-of-sample trades: the verdict."""
    config = setting()
    first = run_and_store(lake, config.model_copy(update={"end": config.end - timedelta(days=4)}))
    newest = run_and_store(lake, config)
    assert first.row["config_digest"] == newest.row["config_digest"]
    earned(lake, first.run_id, promised, config.start)
    earned(lake, newest.run_id, later, first.config.end)
    return asked(lake, edge_holds)


PROMISED = np.tile([3e-3, -1e-3, 2e-3], 40)


@pytest.mark.world
def test_out_of_sample_trades_as_good_as_promised_pass(lake: Settings) -> None:
    answer = later_run(lake, PROMISED[:33], promised=PROMISED)
    assert answer.passed
    assert answer.verdict.startswith("as expected: 33 out-of-sample trades since 2025-03-07")
    mean, deviation = PROMISED[:30].mean(), PROMISED[:30].std(ddof=1)
    shown = float(str(answer.figures["Sharpe of the newest window"]))
    assert shown == pytest.approx(mean / deviation)


def test_an_edge_that_is_gone_fails(lake: Settings) -> None:
    answer = later_run(lake, np.tile([2e-3, -3e-3], 15), promised=PROMISED)
    assert not answer.passed
    assert answer.verdict.startswith("decayed: 30 out-of-sample trades")
    figures = {name: float(str(answer.figures[name])) for name in (
        "Sharpe of the newest window", "alert below", "Sharpe of the first run's median window"
    )}  # fmt: skip
    assert list(figures.values()) == sorted(figures.values())


@pytest.mark.world
def test_too_few_out_of_sample_trades_decide_nothing(lake: Settings) -> None:
    answer = later_run(lake, np.tile([2e-3, -3e-3], 15)[:29], promised=PROMISED)
    assert (answer.passed, answer.verdict.split(":")[0]) == (True, "too few trades")


@pytest.mark.world
def test_trades_that_the_window_cut_short_do_not_count(lake: Settings) -> None:
    later_run(lake, np.tile([2e-3, -3e-3], 15), promised=PROMISED)
    with connect(lake, read_only=False) as connection:
        connection.execute(
            "UPDATE backtest.trades SET exit_reason = 'end of the run' WHERE trade_id = 29"
        )
    answer = asked(lake, edge_holds)
    assert (answer.passed, answer.figures["out-of-sample trades"]) == (True, 29)


@pytest.mark.world
def test_a_first_run_and_another_configuration_have_no_out_of_sample_trades(lake: Settings) -> None:
    run_and_store(lake, setting())
    assert asked(lake, edge_holds).verdict.startswith(
        "no out-of-sample trades: 0 out-of-sample trades"
    )
    other = run_and_store(lake, setting(max_positions=5))
    answer = asked(lake, edge_holds)
    assert answer.figures["first run"] == other.run_id == answer.figures["run"]
