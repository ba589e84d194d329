"""The service on a real socket, in a thread of the test's process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import polars as pl
import uvicorn

from funding_platform.flows.live.latest import BOARD, PAIRS, VENUES, VENUES_SCHEMA, LatestWriter
from funding_platform.service.app import create_app
from funding_platform.settings import Settings


@dataclass
class Served:
    """A service that runs."""

    settings: Settings
    url: str
    server: uvicorn.Server

    def client(self, **more: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        with self.client() as client:
            return client.get(path, **more)


@contextmanager
def served(settings: Settings, *, public: bool = False) -> Iterator[Served]:
    """Run the service for as long as the context lasts."""
    app = create_app(settings, public=public)
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level="warning", access_log=False, lifespan="on")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Served(settings, f"http://127.0.0.1:{port}", server)
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive(), "the service did not stop"


def hand_out(
    settings: Settings, rate: float, *, version: int = 1, at: datetime | None = None
) -> None:
    """Hand out a board of two instruments as the collector does, at one rate per 8 hours."""
    now = at or datetime.now(UTC)
    venues = ["binance", "hyperliquid"]
    board = pl.DataFrame(
        {
            "venue": venues,
            "venue_symbol": ["BTC", "BTC"],
            "base": ["BTC", "BTC"],
            "quote": ["USDT", "USD"],
            "multiplier": [1.0, 1.0],
            "contract_type": ["linear", "linear"],
            "predicted_rate": [rate, rate / 8],
            "interval_hours": [8.0, 1.0],
            "next_funding_time": [None, None],
            "mark_price": [90_000.0, 90_010.0],
            "index_price": [90_000.0, None],
            "open_interest_usd": [1e9, None],
            "volume_24h_usd": [2e9, None],
            "spread_bps": [0.5, None],
            "observed_at": [now, now],
        },
        schema_overrides={
            "next_funding_time": pl.Datetime("us", "UTC"),
            "observed_at": pl.Datetime("us", "UTC"),
        },
    )
    health = pl.DataFrame(
        {"venue": venues, "source": "stream", "age_seconds": 0.5, "updates_per_second": 3.0,
         "instruments": 1, "stale": 0, "reconnects": 0, "trouble": None},
        schema=VENUES_SCHEMA,
    )  # fmt: skip
    with LatestWriter(settings, now) as writer:
        writer.write({BOARD: board, VENUES: health}, version, now)


def hand_out_pairs(settings: Settings, pairs: pl.DataFrame) -> None:
    """Hand out pairs alone."""
    now = datetime.now(UTC)
    with LatestWriter(settings, now) as writer:
        writer.write({PAIRS: pairs}, 1, now)
