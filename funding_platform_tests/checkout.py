"""A working copy in which the demo has run: what a reader of the README has after `make demo`.

It is a folder of its own with the few files that make it a project, so that neither the data nor
the dbt manifest of the real tree are touched. The demo runs in it as people run it; the commands of
tests are forked (``prefork``).
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from funding_platform.settings import Settings
from funding_platform_tests.prefork import forked_funding

ROOT = Path(__file__).resolve().parents[1]
OURS = Path(sys.executable).parent
"""The programs of the environment that the tests run in."""
MONTHS, SYMBOLS = 2, 8


@dataclass(frozen=True)
class Checkout:
    """The folder, what the demo printed when it ran there, and where its ``funding`` lies."""

    root: Path
    demo_output: str
    programs: Path

    @property
    def settings(self) -> Settings:
        """Settings as they are for commands that run in the folder."""
        return Settings(data_dir=self.root / "data")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder; stdout and stderr come back as one text."""
        return run_in(self.root, *command, programs=(self.programs, OURS))


def copy_project(root: Path) -> None:
    """Copy what makes a folder a project; its data and what dbt compiles are its own."""
    shutil.copy(ROOT / "workspace.yaml", root)
    shutil.copytree(
        ROOT / "dbt_project",
        root / "dbt_project",
        ignore=shutil.ignore_patterns("target", "logs"),
    )
    for configurations in ("backtests", "execution"):
        shutil.copytree(ROOT / configurations, root / configurations)


@contextmanager
def made_checkout(root: Path) -> Iterator[Checkout]:
    """Copy what makes a project, and run the demo on a small market."""
    copy_project(root)
    (root / "data" / "dagster_home").mkdir(parents=True)
    shutil.copy(ROOT / "data/dagster_home/dagster.yaml", root / "data/dagster_home")
    demo = run_in(root, "funding", "demo", "--months", str(MONTHS), "--symbols", str(SYMBOLS))
    assert demo.returncode == 0, demo.stdout[-5_000:]
    with forked_funding(environment((OURS,))) as programs:
        yield Checkout(root, demo.stdout, programs)


def run_in(
    root: Path, *command: str, programs: Sequence[Path] = (OURS,)
) -> subprocess.CompletedProcess[str]:
    """Run a command, looked for in folders of programs first, with no setting left over."""
    return subprocess.run(
        command,
        cwd=root,
        env=environment(programs),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def environment(programs: Sequence[Path]) -> dict[str, str]:
    """Return our variables without settings, and with folders of programs before all others."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FUNDING_", "DAGSTER_", "PYTHONPATH"))
    }
    path = os.pathsep.join([*map(str, programs), os.environ["PATH"]])
    return {**inherited, "PATH": path, "PYTHONIOENCODING": "utf-8"}
