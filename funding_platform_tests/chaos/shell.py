"""The `funding` command over a data folder of its own and sandbox venues, as processes."""

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from funding_platform.core.time_grid import month_start
from funding_platform.sandbox.server import RunningSandbox
from funding_platform.settings import Settings
from funding_platform_tests.benchmarks.sandbox_process import RATE_LIMIT_SCALE
from funding_platform_tests.chaos.processes import start

PATIENCE: dict[str, Any] = {"request_timeout_seconds": 60.0, "snapshot_deadline_seconds": 600.0}
"""Settings by which no venue is given up because the machine is busy."""

LOCK_PATIENCE: dict[str, Any] = {"lock_timeout_seconds": 3_600.0}
"""The same of those who wait for each other's commits."""

VENUES = ("binance", "okx", "hyperliquid")
RUNNING = month_start(datetime.now(UTC))
LAST = month_start(RUNNING - timedelta(days=1))
BEFORE_LAST = month_start(LAST - timedelta(days=1))


def patient_environment() -> dict[str, str]:
    patience = PATIENCE | LOCK_PATIENCE
    return {f"FUNDING_{name.upper()}": str(value) for name, value in patience.items()}


@dataclass(frozen=True)
class Shell:
    """A data folder with the environment of the commands over it."""

    folder: Path
    sandbox: RunningSandbox

    @property
    def settings(self) -> Settings:
        return Settings(data_dir=self.folder / "data")

    @property
    def environment(self) -> dict[str, str]:
        return {
            "FUNDING_DATA_DIR": str(self.settings.data_dir),
            "FUNDING_VENUES": ",".join(VENUES),
            "FUNDING_VENUE_URLS": json.dumps(self.sandbox.venue_urls),
            "FUNDING_RATE_LIMIT_SCALE": str(RATE_LIMIT_SCALE),
            **patient_environment(),
        }

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        program = str(Path(sys.executable).with_name("funding"))
        return start([program, *arguments], self.folder, self.folder, self.environment)

    def run(self, *arguments: str) -> float:
        """Run a command to its end, which must be a good one; returns its seconds."""
        began = time.monotonic()
        assert self.start(*arguments).wait() == 0, (self.folder / "output.log").read_text()[-5000:]
        return time.monotonic() - began

    def copy(self, folder: Path) -> "Shell":
        """Copy what is stored into a folder, for a shell of its own."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Shell(folder, self.sandbox)


def stock(folder: Path, sandbox: RunningSandbox) -> Shell:
    """A lake with two months and a collection, and its published file."""
    shell = Shell(folder, sandbox)
    shell.run("collect")
    shell.run("backfill", "--from", f"{BEFORE_LAST:%Y-%m}", "--to", f"{LAST:%Y-%m}")
    shell.run("publish")
    return shell
