"""The service on a real socket, in a thread of the test's process."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import polars as pl

from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.flows.live.latest import BOARD, VENUES, VENUES_SCHEMA, LatestWriter
from funding_platform.service.server import Server, serving
from funding_platform.settings import Settings


@dataclass
class Served:
    """A service that runs."""

    settings: Settings
    url: str
    server: Server

    def client(self, **more: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        with self.client() as client:
            return client.get(path, **more)

    def figures(self) -> dict[str, Any]:
        """Return what the service says of its metrics, by their names."""
        found: dict[str, Any] = self.get("/api/v1/metrics").json()
        return found

    def figure(self, name: str, **labels: str) -> float:
        """Return the value of a metric's only series with these labels."""
        series = self.figures()[name]["series"]
        (found,) = (one["value"] for one in series if one["labels"] == labels)
        return float(found)


@contextmanager
def served(settings: Settings, *, public: bool = False) -> Iterator[Served]:
    """Run the service for as long as the context lasts."""
    with serving(settings, public=public) as (url, server):
        yield Served(settings, url, server)


@dataclass
class Process:
    """A service in a process of its own, as `funding serve` starts it."""

    url: str
    running: subprocess.Popen[str]

    def kill(self) -> None:
        """End it without a word to anybody."""
        self.running.kill()
        self.running.wait()

    def stop(self) -> str:
        """Ask it to end, and return what it logged."""
        self.running.send_signal(signal.SIGTERM)
        told, _ = self.running.communicate(timeout=120)
        assert self.running.returncode in (0, -signal.SIGTERM), told
        return told


@contextmanager
def process(
    settings: Settings,
    *more: str,
    files: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Process]:
    """Run `funding serve` over a data folder, and wait until it answers.

    Parameters
    ----------
    files
        That it may have open, where that is not what it gets by itself.
    environment
        Beside that of this process.
    """

    def bounded() -> None:
        if files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    program = "from funding_platform.cli import main; main(prog_name='funding')"
    with subprocess.Popen(
        [sys.executable, "-c", program, "serve", "--port", "0", *more],
        env={**os.environ, "FUNDING_DATA_DIR": str(settings.data_dir), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=bounded,
    ) as running:
        assert running.stdout is not None
        try:
            line = running.stdout.readline()
            found = re.match(r"dashboard (http://127\.0\.0\.1:\d+)/ ", line)
            assert found, line + running.stdout.read()
            _until_it_answers(found[1], running)
            yield Process(found[1], running)
        finally:
            running.kill()


def _until_it_answers(url: str, running: subprocess.Popen[str]) -> None:
    while running.poll() is None:
        try:
            httpx.get(f"{url}/healthz", timeout=60)
            return
        except httpx.ConnectError:
            time.sleep(0.05)
    raise AssertionError("the service has ended")


def lasting() -> datetime:
    """Return an instant so far ahead that a board of it stays fresh, however slow a machine is."""
    return datetime.now(UTC) + timedelta(days=30)


def hand_out(
    settings: Settings,
    rate: float,
    *,
    version: int = 1,
    at: datetime | None = None,
    symbols: int = 1,
    silent: bool = False,
    more: Mapping[str, pl.DataFrame] | None = None,
) -> None:
    """Hand out a board as the collector does, all of it at one rate per 8 hours.

    Parameters
    ----------
    symbols
        Of each of two venues; the first is BTC.
    silent
        Whether the second venue has not spoken for long.
    more
        Frames beside those of rates and venues.
    """
    now, venues = at or datetime.now(UTC), ["binance", "hyperliquid"]
    names = ["BTC", *(f"COIN{number}" for number in range(1, symbols))]
    rows = [
        {
            "venue": venue,
            "venue_symbol": name,
            "base": name,
            "quote": "USDT",
            "multiplier": 1.0,
            "contract_type": "linear",
            "predicted_rate": rate * hours / 8,
            "interval_hours": hours,
            "next_funding_time": None,
            "mark_price": 90_000.0,
            "index_price": None,
            "open_interest_usd": None,
            "volume_24h_usd": 2e9,
            "spread_bps": 0.5,
            "observed_at": now,
        }
        for venue, hours in zip(venues, (8.0, 1.0), strict=True)
        for name in names
    ]
    times = dict.fromkeys(("next_funding_time", "observed_at"), UTC_TIME)
    board = pl.DataFrame(
        rows,
        schema_overrides=times | dict.fromkeys(("index_price", "open_interest_usd"), pl.Float64()),
    )
    health = pl.DataFrame(
        {"venue": venues, "source": "stream", "age_seconds": [0.5, 900.0 if silent else 0.5],
         "updates_per_second": 3.0, "instruments": symbols, "stale": 0, "reconnects": 0,
         "trouble": None},
        schema=VENUES_SCHEMA,
    )  # fmt: skip
    with LatestWriter(settings, now) as writer:
        writer.write({BOARD: board, VENUES: health, **(more or {})}, version, now)


def hand_out_frame(settings: Settings, name: str, frame: pl.DataFrame) -> None:
    """Hand out one frame alone, which stays fresh."""
    now = lasting()
    with LatestWriter(settings, now) as writer:
        writer.write({name: frame}, 1, now)
