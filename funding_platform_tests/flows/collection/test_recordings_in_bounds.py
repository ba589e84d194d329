"""What is kept of answers for audit stays within the share; what is not kept says so."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.tables.schema import Table
from funding_platform.flows.collection import recording
from funding_platform.flows.collection.log import Attempt
from funding_platform.flows.collection.recording import Recording, recorded_exchanges, store_answers
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform.venues.errors import NotRecordedError
from funding_platform.venues.registry import replayed_venue
from funding_platform.venues.rest.memory import Share
from funding_platform.venues.rest.recording import Exchange

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KIB = 1024


@pytest.fixture
def lake(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def recorded(*sizes: int, venue: str = "binance", limit: int = 100 * KIB) -> Recording:
    attempt = Attempt("run", venue, MARKET_SNAPSHOTS, NOW, NOW)
    recorder = Recording(attempt, 7, Share(venue, limit))
    assert recorder.recorder is not None
    for number, size in enumerate(sizes):
        body = bytes([number]) * size
        recorder.recorder(Exchange("/fapi/v1/premiumIndex", f"n={number}", 200, body, NOW, NOW))
    return recorder


def test_half_of_the_share_is_kept(lake: Settings, caplog: pytest.LogCaptureFixture) -> None:
    kept = recorded(20 * KIB, 60 * KIB, 20 * KIB, 20 * KIB)
    assert kept.size == kept.memory.used == 40 * KIB
    with Lake(lake) as opened:
        with opened.commit("run", "answers") as transaction:
            kept.store(opened, transaction)
        bodies = [exchange.body for exchange in recorded_exchanges(opened, kept.attempt)]
        sizes = opened.read("SELECT size FROM core.raw_payloads ORDER BY size")["size"].to_list()
    assert kept.memory.used == 0
    assert sorted(len(body) for body in bodies if body is not None) == [20 * KIB] * 2
    assert bodies.count(None) == 2
    assert sizes == [20 * KIB] * 3 + [60 * KIB]
    assert "2 answers not kept for audit: over the memory budget" in caplog.text


@pytest.mark.parametrize("status", [0, 42, 999])
def test_a_status_that_http_does_not_have_is_kept_beside_the_answers_of_others(
    lake: Settings, status: int
) -> None:
    """All venues of a collection are stored in one commit."""
    sound, odd = recorded(KIB, venue="okx"), recorded(venue="binance")
    assert odd.recorder is not None
    odd.recorder(Exchange("/fapi/v1/premiumIndex", "", status, b"{}", NOW, NOW))
    with Lake(lake) as opened:
        with opened.commit("run", "answers") as transaction:
            store_answers([sound, odd], opened, transaction)
        stored = opened.read("SELECT venue, status FROM core.raw_payloads ORDER BY venue").rows()
    assert stored == [("binance", status), ("okx", 200)]


def test_a_replay_says_that_an_answer_was_not_kept() -> None:
    exchange = Exchange("/fapi/v1/premiumIndex", "", 200, None, NOW, NOW)

    async def ask() -> None:
        async with replayed_venue("binance", [exchange], NOW) as venue:
            await venue.market_snapshot()

    with pytest.raises(NotRecordedError, match="not kept"):
        asyncio.run(ask())


def test_answers_of_many_venues_are_stored_a_few_at_a_time(
    lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "STORED_AT_ONCE", 50 * KIB)
    several = [recorded(30 * KIB, venue=venue) for venue in ("binance", "okx", "bybit")]
    with Lake(lake) as opened:
        with opened.commit("run", "answers") as transaction:
            store_answers(several, opened, transaction)
        found = opened.read("SELECT venue, size FROM core.raw_payloads ORDER BY venue").rows()
    assert found == [(venue, 30 * KIB) for venue in ("binance", "bybit", "okx")]


def test_answers_of_one_venue_are_stored_a_few_at_a_time(
    lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same refusal five times is as many bodies, until they are compared with each other."""
    monkeypatch.setattr(recording, "STORED_AT_ONCE", 50 * KIB)
    several = recorded(*[20 * KIB] * 5, 70 * KIB, limit=1024 * KIB)
    stored: list[int] = []
    with Lake(lake) as opened:
        with opened.commit("run", "answers") as transaction:
            append = transaction.append

            def appended(table: Table, frame: pl.DataFrame) -> int:
                stored.append(frame.height)
                return append(table, frame)

            monkeypatch.setattr(transaction, "append", appended)
            several.store(opened, transaction)
        found = opened.read("SELECT size FROM core.raw_payloads ORDER BY size")["size"]
    assert stored == [2, 2, 1, 1]
    assert found.to_list() == [20 * KIB] * 5 + [70 * KIB]
    assert several.size == several.memory.used == 0


def test_a_full_recording_is_relieved(lake: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "STORED_AT_ONCE", 10 * KIB)
    full = recorded(30 * KIB)
    with Lake(lake) as opened:
        full.relieve(opened)
        assert opened.read("SELECT count(*) AS n FROM core.raw_payloads").item() == 1
        assert full.size == full.memory.used == 0
        full.relieve(opened)
        assert opened.read("SELECT count(*) AS n FROM core.raw_payloads").item() == 1
