"""A key that a venue is asked with: whatever it answers, nothing that is kept or told has it."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dagster as dg
import pytest

from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.tables.registry import TABLES
from funding_platform.core.time_grid import floor_hour
from funding_platform.defs.assets.raw import raw_key
from funding_platform.defs.partitions import HOUR_KEY
from funding_platform.defs.running.jobs import COLLECT
from funding_platform.flows.alerting.rounds import look
from funding_platform.flows.metrics import families
from funding_platform.lake import connect
from funding_platform.local.sandbox_run import SandboxRun
from funding_platform.settings import Settings
from funding_platform.telemetry.metrics import exposition
from funding_platform_tests.defs.sandboxed import world_in
from funding_platform_tests.present import PRESENT

KEY = "CG-canary-of-the-key"
DERIVATIVE = {
    "market": "Binance (Futures)", "symbol": "BTCUSDT", "price": "77034.8", "index": 76691.4,
    "contract_type": "perpetual", "funding_rate": 0.57, "open_interest": 7.5e9, "volume_24h": 9e9,
}  # fmt: skip


class Relay(BaseHTTPRequestHandler):
    """Answers as CoinGecko does, and says the key back; ``status`` is what it answers with."""

    status = 200
    keys: list[str | None] = []  # noqa: RUF012 - of all requests

    def do_GET(self) -> None:
        key = self.headers["x-cg-demo-api-key"]
        self.keys.append(key)
        refused = {"status": {"error_code": 10010, "error_message": f"{key} is of another plan"}}
        told = [DERIVATIVE | {"symbol": "BTCUSDT", "echo": key}] if self.status == 200 else refused
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def relay() -> Iterator[str]:
    Relay.status, Relay.keys = 200, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Relay)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def world(
    relay: str, definitions: dg.Definitions, present: None, tmp_path: Path
) -> Iterator[SandboxRun]:
    stated = {
        "FUNDING_VENUES": "coingecko",
        "FUNDING_VENUE_URLS": json.dumps({"coingecko": relay}),
        "FUNDING_RATE_LIMIT_SCALE": "1000",
        "FUNDING_COINGECKO_API_KEY": KEY,
    }
    with world_in(tmp_path, stated, definitions) as made:
        yield made


def told(folder: Path) -> Iterator[str]:
    """All that is kept: every row of the lake, every row of Dagster's files, every other file."""
    with connect(Settings()) as lake:
        for table in TABLES.values():
            if table.schema == "core":
                yield str(lake.execute(f"FROM {table.full_name}").fetchall())
    for file in folder.rglob("*"):
        if not file.is_file():
            continue
        yield file.read_bytes().decode(errors="replace")
        if file.suffix == ".db":
            with sqlite3.connect(file) as database:
                yield "\n".join(database.iterdump())


@pytest.mark.sampled(1)
@pytest.mark.parametrize(("status", "succeeds"), [(200, True), (401, False), (500, False)])
def test_the_key_is_sent_and_kept_nowhere(
    world: SandboxRun,
    status: int,
    succeeds: bool,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    Relay.status = status
    asked = world.run(
        COLLECT,
        partition_key=f"{floor_hour(PRESENT):{HOUR_KEY}}",
        asset_selection=[raw_key("coingecko", MARKET_SNAPSHOTS)],
    )
    assert asked.success is succeeds
    assert set(Relay.keys) == {KEY}
    alerts = look(Settings(), PRESENT)
    printed = capfd.readouterr()
    everything = [*told(tmp_path), caplog.text, printed.out, printed.err, str(alerts)]
    metrics = exposition(lambda: families(Settings(), PRESENT))
    everything += [str(asked.all_events), metrics]
    assert any("coingecko" in text for text in everything)
    assert not [text for text in everything if KEY in text]
