"""A machine whose clock is wrong: what it would store, and what it has stored."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import Window, floor_hour, month_start
from funding_platform.flows.checks.lake import history_fresh, nothing_ahead, rows_ahead, seen_lately
from funding_platform.flows.collection.clock import require_right_clock
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.collection.snapshots import collect_instruments, collect_snapshots
from funding_platform.flows.doctor import examine
from funding_platform.flows.errors import ClockError
from funding_platform.flows.queries.upkeep.gaps import missing_of
from funding_platform.lake import connect
from funding_platform.lake.errors import InvalidFrameError
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform.venues.rest.clocks import ahead_of
from funding_platform_tests.dbt.market import frame_of
from funding_platform_tests.dbt.runner import run_dbt
from funding_platform_tests.known import known

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
VENUES = ["binance", "bybit", "okx"]


@pytest.mark.parametrize(
    ("ahead", "wrong"),
    [
        ({"a": 400 * DAY, "b": 400 * DAY, "c": 400 * DAY}, True),
        ({"a": -6 * MINUTE, "b": -6 * MINUTE}, True),
        ({"a": 400 * DAY, "b": 400 * DAY, "c": None}, True),
        ({"a": 6 * MINUTE, "b": 6 * MINUTE, "c": 0 * MINUTE}, True),
        ({"a": 400 * DAY, "b": 0 * DAY, "c": 0 * DAY}, False),  # the venue's own trouble
        ({"a": 400 * DAY, "b": 0 * DAY}, False),  # which of them nobody knows
        ({"a": 4 * MINUTE, "b": -4 * MINUTE}, False),
        ({"a": 2 * DAY}, True),
        ({"a": -DAY}, True),  # a date that was mistyped
        ({"a": 14 * 60 * MINUTE}, False),  # a time zone
        ({"a": 20 * MINUTE}, False),  # one witness may be wrong by as much
        ({"a": None, "b": None}, False),
        ({}, False),
    ],
)
def test_most_venues_know_the_time(ahead: dict[str, timedelta | None], wrong: bool) -> None:
    if not wrong:
        require_right_clock(ahead)
        return
    with pytest.raises(ClockError, match="nothing was stored"):
        require_right_clock(ahead)


def test_it_says_by_how_much_and_what_to_do() -> None:
    with pytest.raises(ClockError, match="400 days ahead of the clocks of a, b") as told:
        require_right_clock({"a": 400 * DAY, "b": 400 * DAY, "c": MINUTE})
    assert "timedatectl" in str(told.value)
    with pytest.raises(ClockError, match="90 minutes behind the clocks of a, b"):
        require_right_clock({"a": -90 * MINUTE, "b": -90 * MINUTE})


@pytest.mark.parametrize(
    ("headers", "ahead"),
    [
        ({"date": "Tue, 01 Sep 2026 12:00:00 GMT"}, 10 * MINUTE),
        ({"date": "Tue, 01 Sep 2026 12:20:00 GMT"}, -10 * MINUTE),
        ({"date": "Tue, 01 Sep 2026 12:00:00 GMT", "age": "600"}, 0 * MINUTE),
        ({"date": "Tue, 01 Sep 2026 14:00:00 +0200"}, 10 * MINUTE),
        ({"date": "Tue, 01 Sep 2026 12:00:00 GMT", "age": "9" * 30}, None),
        ({"date": "yesterday"}, None),
        ({"date": ""}, None),
        ({}, None),
    ],
)
def test_an_answer_says_when_it_was_made(headers: dict[str, str], ahead: timedelta | None) -> None:
    assert ahead_of(headers, datetime(2026, 9, 1, 12, 10, tzinfo=UTC)) == ahead


class Ahead(datetime):
    """A clock that went wrong."""

    by = 400 * DAY

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + cls.by


@pytest.fixture
def wrong_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of this process, as collecting and storing read it."""
    for module in (
        "flows.collection.snapshots",
        "flows.collection.history.months",
        "core.system.clock",
        "lake.validation",
    ):
        monkeypatch.setattr(f"funding_platform.{module}.datetime", Ahead)


@pytest.mark.usefixtures("wrong_clock")
@pytest.mark.parametrize("venues", [VENUES, ["binance"]])
def test_nothing_is_stored_under_a_wrong_clock(settings: Settings, venues: list[str]) -> None:
    for collect in (collect_instruments, collect_snapshots):
        errors = [one.attempt.error for one in collect(venues, settings, "run").values()]
        assert [type(error) for error in errors] == [ClockError] * len(venues)
    month = Window.of_month(month_start(datetime.now(UTC)))
    with pytest.raises(ClockError, match="400 days ahead of the clocks of binance"):
        collect_history("binance", month, settings, "run")
    with connect(settings) as lake:
        assert rows_ahead(lake, datetime.now(UTC)) == []
        for table in ("instruments", "funding_rates", "market_snapshots", "raw_payloads"):
            assert lake.execute(f"SELECT count(*) FROM core.{table}").fetchone() == (0,), table
        log = lake.execute("SELECT status, error_kind FROM core.collection_log").fetchall()
    assert set(log) == {("failed", "ClockError")}


def settlement(time: datetime) -> dict[str, Any]:
    return {
        "venue": "v", "venue_symbol": "S", "funding_time": time, "funding_rate": 1e-4,
        "interval_inferred": False, "venue_time": time, "observed_at": datetime.now(UTC),
    }  # fmt: skip


def test_no_row_of_the_future_passes_the_door(tmp_path: Any) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    now = datetime.now(UTC)
    with Lake(settings) as lake:
        for ahead in (timedelta(0), MINUTE):
            rows = frame_of(FUNDING_RATES, [settlement(now + ahead)])
            with lake.commit("run", "right") as transaction:
                transaction.append(FUNDING_RATES, rows)
        rows = frame_of(FUNDING_RATES, [settlement(now), settlement(now + 400 * DAY)])
        told = "funding_time no later than the present"
        with pytest.raises(InvalidFrameError, match=told), lake.commit("run", "wrong") as tx:
            tx.append(FUNDING_RATES, rows)
        assert lake.read("SELECT count(*) FROM core.funding_rates").item() == 2


_STRANDED = """
INSERT INTO core.{table} BY NAME SELECT * REPLACE ({time} + INTERVAL 400 DAYS AS {time}
{more}) FROM core.{table}
"""


@pytest.mark.world
def test_one_bad_night_does_not_stick(settings: Settings) -> None:
    """What an older version stored under a wrong clock is left out of every view, and named."""
    now = datetime.now(UTC)
    window = Window(month_start(now), now)
    collect_instruments(["binance"], settings, "run")
    collect_history("binance", window, settings, "run")
    collect_snapshots(["binance"], settings, "run")
    with connect(settings, read_only=False) as lake:
        before = missing_of(lake, "binance")
        for table, time, also in (
            ("funding_rates", "funding_time", ""),
            ("market_snapshots", "observed_at", "snapshot_hour"),
            ("collection_log", "started_at", "finished_at"),
        ):
            more = f", {also} + INTERVAL 400 DAYS AS {also}" if also else ""
            lake.execute(_STRANDED.format(table=table, time=time, more=more))
        lake.execute("UPDATE core.instruments SET last_seen_at = last_seen_at + INTERVAL 400 DAYS")
    models = ("+latest_funding_rates", "+venue_health", "+funding_rate_stats", "+coverage")
    outcome = run_dbt(settings, "run", "--select", *models)
    assert outcome.returncode == 0, outcome.stdout[-4000:]
    with connect(settings) as lake:
        newest = lake.execute(
            "SELECT max(settled_time), max(observed_at), max(next_funding_time), "
            "(SELECT max(as_of) FROM marts.venue_health), (SELECT max(newest_snapshot_at) "
            "FROM marts.venue_health), (SELECT max(as_of) FROM marts.funding_rate_stats), "
            "count(*) FILTER (settled_time IS NULL OR observed_at IS NULL) "
            "FROM marts.latest_funding_rates"
        ).fetchone()
        assert newest is not None
        assert all(time < datetime.now(UTC) + DAY for time in newest[:-1])
        assert newest[-1] == 0
        missing = lake.execute("SELECT sum(missing) FROM marts.coverage").fetchone()
        assert missing == (before.height,)
        assert missing_of(lake, "binance").rows() == before.rows()
        for seen in (INSTRUMENTS, FUNDING_RATES, MARKET_SNAPSHOTS):
            answer = nothing_ahead(lake, seen, "binance", datetime.now(UTC))
            assert not answer.passed
            assert known(answer.figures["rows"]) > 0
        assert known(history_fresh(lake, "binance", now + MINUTE).figures["age_hours"]) >= 0
        hour = floor_hour(now) + timedelta(hours=1)
        assert seen_lately(lake, FUNDING_RATES, "observed_at", "binance", hour).passed
    texts = [one.text for one in examine(settings, datetime.now(UTC)) if not one.well]
    assert any("was ahead when they were stored" in text for text in texts)
