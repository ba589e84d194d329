"""Machine code that is kept between processes, and never outlives the source that it came from."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from funding_platform.core.system import compiled as compiled_module
from funding_platform.core.system.compiled import compiled
from funding_platform.core.system.source_code import CODE, PACKAGE

IMPACT = """
import json, numba, numpy as np
from funding_platform.backtest.books import LINEAR_IMPACT, Rules
from funding_platform.backtest.kernel.pricing import impact_rate
from funding_platform.backtest.data.panel import Panel, Volumes
ints, reals = np.zeros(1, np.int64), np.zeros(1)
rules = Rules(
    ints, ints, reals, 0.0, LINEAR_IMPACT, 3.0, 0.0, 0.0, 0.0, 0, 0.0, ints, reals, reals, reals,
    np.zeros(1, bool), 0.0, 0.0, 0.0, 0.0, 0, 0, 0.0, ints,
)
panel = Panel(0, 0, 0, Volumes(ints, ints, reals), 0, 0)
rate = impact_rate(panel, rules, 0, 2e6, 0)
print(json.dumps({
    "rate": rate,
    "compiled": sum(impact_rate.stats.cache_misses.values()),
    "loaded": sum(impact_rate.stats.cache_hits.values()),
    "folder": impact_rate.stats.cache_path,
    "setting": numba.config.CACHE_DIR,
}))
"""
"""What an order of two million costs where each million costs three basis points."""

LOADED = """
import json, sys
import funding_platform.backtest.engine, funding_platform.backtest.search.sweeps
import funding_platform.backtest.results.report, funding_platform.backtest.search.walk_forward
print(json.dumps([one for one in sys.modules if one.startswith("funding_platform.")]))
"""

NOWHERE = "/dev/null/nowhere"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The source of backtests, and nothing else of the package."""
    package = tmp_path / "checkout/funding_platform"
    package.mkdir(parents=True)
    shutil.copy(PACKAGE / "__init__.py", package)
    for name in CODE:
        shutil.copytree(
            PACKAGE / name, package / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    return package.parent


def run_in(checkout: Path, script: str, **environment: str) -> Any:
    """What a script prints, run in a process of its own over that source."""
    inherited = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-B", "-c", script],
        cwd=checkout,
        env=inherited | {"HOME": str(checkout / "home")} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.world
def test_what_a_caller_had_built_in_is_forgotten_when_another_file_changes(checkout: Path) -> None:
    first, second = run_in(checkout, IMPACT), run_in(checkout, IMPACT)
    assert first["rate"] == second["rate"] == pytest.approx(6e-4)
    assert (first["compiled"], first["loaded"]) == (1, 0)
    assert (second["compiled"], second["loaded"]) == (0, 1)

    costs = checkout / "funding_platform/arbitrage/costs.py"
    times, source = costs.stat(), costs.read_text()
    costs.write_text(source.replace("MILLION = 1e6", "MILLION = 2e6"))
    os.utime(costs, ns=(times.st_atime_ns, times.st_mtime_ns))
    third = run_in(checkout, IMPACT)
    assert third["rate"] == pytest.approx(3e-4)
    assert third["compiled"] == 1

    costs.write_text(source)
    assert run_in(checkout, IMPACT) == second


@pytest.mark.world
def test_numba_is_given_its_own_place_back(checkout: Path, tmp_path: Path) -> None:
    chosen = str(tmp_path / "chosen")
    found = run_in(checkout, IMPACT, NUMBA_CACHE_DIR=chosen)
    assert found["setting"] == chosen
    assert Path(chosen) in Path(found["folder"]).parents
    assert run_in(checkout, IMPACT)["setting"] == ""


def test_importing_looks_for_no_place(checkout: Path, tmp_path: Path) -> None:
    chosen = tmp_path / "chosen"
    run_in(checkout, LOADED, NUMBA_CACHE_DIR=str(chosen))
    assert not chosen.exists()


@pytest.mark.world
def test_where_one_place_cannot_be_written_another_serves(checkout: Path) -> None:
    found = run_in(checkout, IMPACT, NUMBA_CACHE_DIR=NOWHERE)
    assert checkout / "home/.cache/funding_platform" in Path(found["folder"]).parents


@pytest.mark.world
def test_where_no_place_can_be_written_nothing_is_kept(checkout: Path) -> None:
    found = run_in(checkout, IMPACT, NUMBA_CACHE_DIR=NOWHERE, HOME=NOWHERE)
    assert found["rate"] == pytest.approx(6e-4)
    assert found["folder"] is None
    assert not list(checkout.rglob("*.nb?"))


@pytest.mark.world
def test_only_the_newest_folders_stay(checkout: Path, tmp_path: Path) -> None:
    chosen = tmp_path / "chosen"
    for age in range(12):
        folder = chosen / f"funding-backtest-{age:02}"
        folder.mkdir(parents=True)
        os.utime(folder, (1e9 - age, 1e9 - age))
    (chosen / "of_another_library").mkdir()
    run_in(checkout, IMPACT, NUMBA_CACHE_DIR=str(chosen))
    kept = {folder.name for folder in chosen.iterdir()}
    assert "of_another_library" in kept
    assert {f"funding-backtest-{age:02}" for age in range(12)} & kept == {
        f"funding-backtest-{age:02}" for age in range(7)
    }
    assert len(kept) == 9


def test_a_backtest_is_made_of_nothing_that_the_digest_leaves_out(checkout: Path) -> None:
    loaded = run_in(checkout, LOADED)
    assert {one.split(".")[1] for one in loaded} == set(CODE)


def test_written_out_numbers_do_not_compile_a_function_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compiled_module, "_keep_on_disk", lambda made: None)

    @compiled
    def doubled(number: int) -> int:
        return 2 * number

    @compiled
    def sums(number: int) -> int:
        return doubled(1) + doubled(20) + doubled(number)

    assert sums(300) == 642
    made: Any = doubled
    assert len(made.signatures) == 1
