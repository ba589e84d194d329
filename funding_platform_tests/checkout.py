"""A working copy in which the demo has run: what a reader of the README has after `make demo`.

It is a folder of its own with the few files that make it a project, so that neither the data nor
the dbt manifest of the real tree are touched. Commands run in it as processes, as people run them.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from funding_platform.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
MONTHS, SYMBOLS = 2, 8


@dataclass(frozen=True)
class Checkout:
    """The folder, and what the demo printed when it ran there."""

    root: Path
    demo_output: str

    @property
    def settings(self) -> Settings:
        """Settings as they are for commands that run in the folder."""
        return Settings(data_dir=self.root / "data")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder; stdout and stderr come back as one text."""
        return run_in(self.root, *command)


def copy_project(root: Path) -> None:
    """Copy what makes a folder a project; its data and what dbt compiles are its own."""
    shutil.copy(ROOT / "workspace.yaml", root)
    shutil.copytree(
        ROOT / "dbt_project",
        root / "dbt_project",
        ignore=shutil.ignore_patterns("target", "logs"),
    )
    shutil.copytree(ROOT / "backtests", root / "backtests")


def make_checkout(root: Path) -> Checkout:
    """Copy what makes a project, and run the demo on a small market."""
    copy_project(root)
    (root / "data" / "dagster_home").mkdir(parents=True)
    shutil.copy(ROOT / "data/dagster_home/dagster.yaml", root / "data/dagster_home")
    demo = run_in(root, "funding", "demo", "--months", str(MONTHS), "--symbols", str(SYMBOLS))
    assert demo.returncode == 0, demo.stdout[-5_000:]
    return Checkout(root, demo.stdout)


def run_in(
    root: Path, *command: str, programs: Path = Path(sys.executable).parent
) -> subprocess.CompletedProcess[str]:
    """Run a command of an environment, ours by default, with no setting left over from ours."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FUNDING_", "DAGSTER_", "PYTHONPATH"))
    }
    return subprocess.run(
        command,
        cwd=root,
        env={**inherited, "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
