"""What was recorded gives the same rows again, and what failed is kept."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from polars.testing import assert_frame_equal

from funding_platform.cli import main
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import Window, month_start
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.collection.replay import replay
from funding_platform.flows.collection.snapshots import collect_instruments, collect_snapshots
from funding_platform.lake import connect
from funding_platform.lake.upkeep.maintenance import maintain
from funding_platform.lake.writer import Lake
from funding_platform.sandbox.faults import parse_faults
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.settings import Settings
from funding_platform.venues.errors import ContractError
from funding_platform.venues.registry import venue_names, venue_spec
from funding_platform_tests.flows.conftest import by_pager
from funding_platform_tests.present import PRESENT

THIS_MONTH = Window(month_start(PRESENT - timedelta(days=20)), PRESENT + timedelta(days=20))
COLLECTED = (INSTRUMENTS, MARKET_SNAPSHOTS, FUNDING_RATES)
HISTORY = "/fapi/v1/fundingRate"


def held(settings: Settings, sql: str) -> pl.DataFrame:
    with connect(settings) as connection:
        return connection.execute(sql).pl()


def inject(sandbox: RunningSandbox, **fault: object) -> None:
    sandbox.inject(*parse_faults(json.dumps([fault])))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Settings:
    """A lake without rows, and venues that nobody could ask."""
    return Settings(data_dir=tmp_path / "elsewhere")


def assert_same_rows(ours: Settings, theirs: Settings) -> None:
    for table in COLLECTED:
        everything = f"FROM {table.full_name} ORDER BY ALL"
        assert_frame_equal(held(ours, everything), held(theirs, everything), check_exact=True)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("venue", by_pager(venue_names()))
def test_a_replay_gives_the_same_rows_in_every_column(
    settings: Settings, elsewhere: Settings, venue: str
) -> None:
    if INSTRUMENTS in venue_spec(venue).offers:
        collect_instruments([venue], settings, "one")
    collect_snapshots([venue], settings, "two")
    if FUNDING_RATES in venue_spec(venue).offers:
        collect_history(venue, THIS_MONTH, settings, "three")
    attempts = replay(settings, "again", into=elsewhere)
    assert [one.error for one in attempts] == [None] * len(attempts)
    assert_same_rows(settings, elsewhere)
    counted = {one.attempt.dataset.full_name: one.rows for one in attempts}
    assert counted[MARKET_SNAPSHOTS.full_name] > 0


@pytest.mark.world
def test_passing_trouble_is_replayed_too(
    settings: Settings, elsewhere: Settings, sandbox: RunningSandbox
) -> None:
    inject(sandbox, venue="binance", path=HISTORY, kind="status", status=503, count=3)
    inject(sandbox, venue="binance", path=HISTORY, kind="body", action="html", count=2)
    inject(sandbox, venue="binance", path="/fapi/v1/ticker/24hr", kind="status", status=503)
    collect_snapshots(["binance"], settings, "no volume")
    collect_history("binance", THIS_MONTH, settings, "refused at first")
    replay(settings, "again", into=elsewhere)
    assert_same_rows(settings, elsewhere)
    assert held(elsewhere, "SELECT count(volume_24h_usd) FROM core.market_snapshots").item() == 0


@pytest.mark.world
def test_delisted_instruments_that_only_the_lake_knows_are_replayed(
    settings: Settings, elsewhere: Settings, sandbox: RunningSandbox
) -> None:
    collect_instruments(["bybit"], settings, "all")
    inject(
        sandbox,
        venue="bybit",
        path="/v5/market/instruments-info",
        kind="rows",
        action="drop_tail",
        rows=3,
    )
    report = collect_history("bybit", THIS_MONTH, settings, "three delisted")
    assert report.rows > 0
    replay(settings, "again", into=elsewhere)
    assert_same_rows(settings, elsewhere)


def test_bodies_are_verbatim_and_stored_once(settings: Settings) -> None:
    for run in ("one", "two"):
        collect_history("binance", Window(THIS_MONTH.start, PRESENT), settings, run)
    rows = held(settings, "SELECT sha256, size, body FROM core.raw_payloads")
    stored = rows.drop_nulls("body")
    assert 0 < stored.height < rows.height
    assert stored["sha256"].is_unique().all()
    assert set(stored["sha256"]) == set(rows["sha256"])
    for digest, size, body in stored.iter_rows():
        assert (hashlib.sha256(body).hexdigest(), len(body)) == (digest, size)
        json.loads(body)


def test_the_offending_answer_of_a_failed_attempt_is_kept(
    settings: Settings, sandbox: RunningSandbox
) -> None:
    inject(sandbox, venue="binance", path=HISTORY, kind="field", action="null", field="fundingRate")
    with pytest.raises(ContractError):
        collect_history("binance", THIS_MONTH, settings, "drifted")
    bodies = held(settings, f"SELECT body FROM core.raw_payloads WHERE endpoint = '{HISTORY}'")[
        "body"
    ]
    assert any(b'"fundingRate":null' in body.replace(b" ", b"") for body in bodies)
    (again,) = replay(settings, "again")
    assert isinstance(again.error, ContractError)
    assert held(settings, "FROM core.funding_rates").is_empty()


def test_a_snapshot_that_failed_is_recovered_once_it_can_be_read(
    settings: Settings, sandbox: RunningSandbox
) -> None:
    """A field was renamed. Here the name in the answer is mended, in life the adapter would be."""
    inject(
        sandbox,
        venue="hyperliquid",
        path="/info#metaAndAssetCtxs",
        kind="field",
        action="rename",
        field="funding",
    )
    collected = collect_snapshots(["hyperliquid"], settings, "drifted")
    assert isinstance(collected["hyperliquid"].attempt.error, ContractError)
    with Lake(settings) as lake, lake.commit("test", "the name mended"):
        answers = held(settings, "SELECT sha256, body FROM core.raw_payloads")
        (drifted,) = answers.filter(pl.col("body").bin.contains(b'"universe"')).rows(named=True)
        mended = drifted["body"].replace(renamed(drifted["body"]), b'"funding"')
        lake.connection.execute(
            "UPDATE core.raw_payloads SET body = ? WHERE sha256 = ?", [mended, drifted["sha256"]]
        )
    (again,) = replay(settings, "mended")
    assert again.error is None
    assert again.rows > 0
    assert held(settings, "SELECT count(predicted_rate) FROM core.market_snapshots").item() > 0


def renamed(body: bytes) -> bytes:
    """What the fault has made of the field's name."""
    contexts = json.loads(body)[1]
    (name,) = [key for key in contexts[0] if "funding" in key]
    return json.dumps(name).encode()


def test_with_a_retention_of_nothing_nothing_is_kept(settings: Settings) -> None:
    forgetful = settings.model_copy(update={"raw_retention_days": 0})
    collect_snapshots(["okx"], forgetful, "unrecorded")
    assert held(settings, "SELECT count(*) FROM core.raw_payloads").item() == 0
    assert replay(settings, "nothing") == []


@pytest.mark.world
def test_maintenance_drops_old_answers_but_no_body_that_a_younger_one_needs(
    settings: Settings,
) -> None:
    past = Window(THIS_MONTH.start, PRESENT)
    collect_history("okx", past, settings, "old")  # which nothing younger needs
    for run in ("old", "new"):
        collect_history("hyperliquid", past, settings, run)
    with Lake(settings) as lake, lake.commit("test", "age"):
        lake.connection.execute(
            "UPDATE core.raw_payloads "  # the lake's own clock says what is old
            "SET observed_at = now() - INTERVAL 1 DAY * if(run_id = 'old', 8, 1)"
        )
    before = held(settings, "SELECT count(*) FROM core.raw_payloads").item()
    now = held(settings, "SELECT now()").item()
    report = maintain(settings, keep_days=30, now=now)
    left = held(settings, "SELECT run_id, sha256, body FROM core.raw_payloads")
    assert report.rows_dropped["core.raw_payloads"] == before - left.height > 0
    needed = set(left.filter(run_id="new")["sha256"])
    assert needed == set(left.drop_nulls("body")["sha256"])


@pytest.mark.world
def test_the_command_replays_into_another_folder(
    settings: Settings, elsewhere: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUNDING_DATA_DIR", str(settings.data_dir))
    collect_snapshots(["okx", "bybit"], settings, "one")
    result = CliRunner().invoke(main, ["replay", "okx", "--into", str(elsewhere.data_dir)])
    assert result.exit_code == 0, result.output
    assert held(elsewhere, "SELECT DISTINCT venue FROM core.market_snapshots").rows() == [("okx",)]
    later = CliRunner().invoke(main, ["replay", "--from", "2100-01-01"])
    assert "no recorded answers" in later.output
    assert later.exit_code == 0
