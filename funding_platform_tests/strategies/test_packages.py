"""A strategy of another package: installed, named in a file, run, swept, and run again.

The package is the one that docs/backtesting.md shows, built and installed by pip into a folder of
its own; commands find it by its entry point, in processes that have that folder on their path.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from funding_platform.flows.queries.trading.runs import (
    load_sweep,
    run_row,
    stored_runs,
    stored_sweeps,
)
from funding_platform.settings import Settings
from funding_platform_tests.backtest.markets import drawn_market
from funding_platform_tests.checkout import ROOT
from funding_platform_tests.docs.markdown import blocks
from funding_platform_tests.flows.backtests.lakes import fill
from funding_platform_tests.reading import read

pytestmark = pytest.mark.world

DOCUMENT = ROOT / "docs/backtesting.md"

CONFIG = """
last_days = 8
[strategy]
name = "widest_spread"
enter = 1e-4
[costs]
flat_fee_bps = 1.0
"""


@dataclass(frozen=True)
class Place:
    """A folder with a lake, a backtest file, and what is installed for the commands in it."""

    root: Path

    @property
    def settings(self) -> Settings:
        return Settings(data_dir=self.root / "data")

    @property
    def strategy(self) -> Path:
        return self.root / "installed/my_strategies.py"

    def funding(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command, as a person does."""
        return subprocess.run(
            [Path(sys.executable).with_name("funding"), *arguments],
            cwd=self.root,
            env={
                **os.environ,
                "PYTHONPATH": str(self.root / "installed"),
                "FUNDING_DATA_DIR": str(self.root / "data"),
            },
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The package of the document, installed; and a market in a lake."""
    root = tmp_path_factory.mktemp("strategies")
    source = root / "my-strategies"
    source.mkdir()
    (source / "my_strategies.py").write_text(blocks(DOCUMENT, "python")[0].text)
    (source / "pyproject.toml").write_text(blocks(DOCUMENT, "toml")[0].text)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    apart = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(root / "installed")]
    subprocess.run([*pip, *apart, source], check=True)
    (root / "widest.toml").write_text(CONFIG)
    found = Place(root)
    fill(found.settings, drawn_market(3))
    return found


@pytest.fixture(scope="module")
def run_id(place: Place) -> str:
    """A run of the strategy, stored."""
    done = place.funding("backtest", "run", "--config", "widest.toml")
    assert done.returncode == 0, done.stderr
    return str(read(stored_runs, place.settings)["run_id"].item())


def test_a_run_is_stored_with_the_code_of_its_strategy(place: Place, run_id: str) -> None:
    row = read(run_row, place.settings, run_id)
    assert (row["strategy"], row["name"]) == ("widest_spread", "widest_spread")
    assert row["n_trades"] > 0
    platform, strategy = row["code_version"].split(" ")
    assert platform.startswith("0.1.0+")
    assert strategy.startswith("widest_spread+")


def test_it_is_swept_in_several_processes_beside_a_built_in_one(place: Place) -> None:
    other = '{"name": "cross_venue_carry"}'
    axis = f'strategy=[{{"name": "widest_spread", "enter": 1e-4}}, {{"enter": -1.0}}, {other}]'
    arguments = ["--config", "widest.toml", "--axis", axis, "--workers", "2"]
    done = place.funding("backtest", "sweep", *arguments)
    assert done.returncode == 0, done.stderr
    sweep_id = read(stored_sweeps, place.settings)["sweep_id"].item()
    row, trials = read(load_sweep, place.settings, sweep_id)
    (failure,) = row["failures"]
    assert "1: " in failure
    assert "strategy: needs a name, one of cross_venue_carry" in failure
    assert trials["strategy"].to_list() == ["widest_spread", "cross_venue_carry"]
    ours, built_in = trials["code_version"].to_list()
    assert ours == row["code_version"] == f"{built_in} {ours.split(' ')[1]}"


def test_it_walks_forward(place: Place) -> None:
    days = ["--in-sample-days", "3", "--out-of-sample-days", "2.5", "--name", "walked"]
    axis = "strategy.enter=1e-4,5e-4"
    done = place.funding("backtest", "sweep", "--config", "widest.toml", "--axis", axis, *days)
    assert done.returncode == 0, done.stderr
    runs = read(stored_runs, place.settings, trials=True).filter(name="walked", whole=True)
    assert set(runs["strategy"]) == {"widest_spread"}
    assert all(" widest_spread+" in code for code in runs["code_version"])


def test_a_rerun_says_that_the_code_of_the_strategy_has_changed(place: Place, run_id: str) -> None:
    written = place.strategy.read_text()
    assert "identical" in place.funding("backtest", "rerun", run_id).stdout
    place.strategy.write_text(written.replace("> self.enter:", "> 2 * self.enter:"))
    try:
        done = place.funding("backtest", "rerun", run_id)
    finally:
        place.strategy.write_text(written)
    assert done.returncode == 1
    assert "does not come out as it was" in done.stderr
    assert "the code of the strategy has changed: it was 0.1.0+" in done.stderr
