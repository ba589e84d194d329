"""What the collector hands out is read whole, by any process, and never taken for fresh if old."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from funding_platform.flows.errors import NotLiveError
from funding_platform.flows.live.latest import (
    BOARD,
    PAIRS,
    STALE_AFTER,
    LatestWriter,
    latest_file,
    read_latest,
)
from funding_platform.settings import Settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def board(rate: float) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "venue": ["okx", "bybit"],
            "predicted_rate": [rate, None],
            "observed_at": [NOW, None],
        },
        schema_overrides={"observed_at": pl.Datetime("us", "UTC")},
    )


def test_frames_come_back_as_they_were_handed_out(settings: Settings) -> None:
    pairs = pl.DataFrame({"base": ["BTC"], "net_apr": [0.2]})
    with LatestWriter(settings, NOW) as writer:
        writer.write({BOARD: board(1e-4), PAIRS: pairs}, 7, NOW + SECOND)
        latest = read_latest(settings)
    assert (latest.version, latest.started_at, latest.at) == (7, NOW, NOW + SECOND)
    assert_frame_equal(latest.frames[BOARD], board(1e-4))
    assert_frame_equal(latest.frames[PAIRS], pairs)


def test_only_the_last_is_kept(settings: Settings) -> None:
    with LatestWriter(settings, NOW) as writer:
        writer.write({BOARD: board(1e-4), PAIRS: board(0.0)}, 1, NOW)
        writer.write({BOARD: board(2e-4)}, 2, NOW + SECOND)
    latest = read_latest(settings)
    assert (latest.version, list(latest.frames)) == (2, [BOARD])
    assert latest.frames[BOARD]["predicted_rate"].to_list() == [2e-4, None]


def test_what_a_killed_collector_handed_out_is_whole(settings: Settings) -> None:
    script = (
        "import os, signal, sys\n"
        "from datetime import UTC, datetime\n"
        "from pathlib import Path\n"
        "from funding_platform.flows.live.latest import LatestWriter\n"
        "from funding_platform.settings import Settings\n"
        "from funding_platform_tests.flows.live.test_latest import NOW, board\n"
        "writer = LatestWriter(Settings(data_dir=Path(sys.argv[1])), NOW)\n"
        "for number in range(1, 50):\n"
        "    frame = board(number * 1e-5)\n"
        "    writer.write({'board': frame, 'pairs': frame}, number, NOW)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(settings.data_dir)], check=False)
    assert killed.returncode == -9
    latest = read_latest(settings)
    assert latest.version == 49
    assert_frame_equal(latest.frames[BOARD], latest.frames[PAIRS])


def test_without_a_collector_one_is_told_how_to_start_it(settings: Settings) -> None:
    with pytest.raises(NotLiveError, match="no collector has run") as refusal:
        read_latest(settings)
    assert "funding live" in str(refusal.value.hint)
    LatestWriter(settings, NOW).__exit__()
    with pytest.raises(NotLiveError, match="has not seen anything"):
        read_latest(settings)


def test_a_file_that_cannot_be_read_is_begun_anew(settings: Settings) -> None:
    latest_file(settings).parent.mkdir(parents=True)
    latest_file(settings).write_bytes(b"no database" * 100)
    with LatestWriter(settings, NOW) as writer:
        writer.write({BOARD: board(1e-4)}, 1, NOW)
    assert read_latest(settings).version == 1


def test_what_is_old_is_not_taken_for_the_market(settings: Settings) -> None:
    with LatestWriter(settings, NOW) as writer:
        writer.write({BOARD: board(1e-4)}, 1, NOW)
    latest = read_latest(settings)
    assert not latest.is_stale(NOW + STALE_AFTER)
    assert latest.is_stale(NOW + STALE_AFTER + SECOND)
    assert latest.age(NOW + STALE_AFTER + SECOND) == 16 * SECOND


@pytest.mark.parametrize("content", [b"", b"no database" * 1_000])
def test_a_file_that_cannot_be_read_is_as_if_no_collector_ran(
    settings: Settings, content: bytes
) -> None:
    """One that a power cut left, or that a collector is just making: nobody else may fail of it."""
    file = latest_file(settings)
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    with pytest.raises(NotLiveError, match="cannot be read"):
        read_latest(settings)


def test_a_file_that_breaks_under_the_collector_is_replaced(settings: Settings) -> None:
    large = pl.DataFrame({"number": pl.arange(600_000, eager=True)})  # SQLite keeps 2 MB in memory
    with LatestWriter(settings, NOW) as writer:
        writer.write({BOARD: large}, 1, NOW)
        file = latest_file(settings)
        for suffix in ("", "-wal"):
            broken = file.with_name(file.name + suffix)
            broken.write_bytes(b"\x07" * broken.stat().st_size)
        writer.write({BOARD: board(2e-4)}, 2, NOW + SECOND)
        assert read_latest(settings).version == 2
