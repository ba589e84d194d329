"""A venue in a package of its own, as the guide builds it, and packages that are no good."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from funding_platform_tests.checkout import ROOT
from funding_platform_tests.docs.markdown import blocks

GUIDE = ROOT / "docs" / "adding_a_venue.md"
FILES = ("pyproject.toml", "funding_lima/adapter.py", "funding_lima/wire.py", "test_lima.py")
"""What the guide shows, in its order."""

COLLECTS = """
import json, os
from funding_platform.sandbox.server import build_market, running_sandbox
from funding_platform.cli import main

with running_sandbox(build_market(symbols=4)) as sandbox:
    os.environ["FUNDING_VENUE_URLS"] = json.dumps({"lima": sandbox.url_of("lima")})
    main(["collect", "lima"], standalone_mode=False)
    main(["backfill", "lima", "--from", "2026-09", "--to", "2026-09"], standalone_mode=False)
    main(["query", "--format", "csv", "SELECT dataset, status FROM core.collection_log ORDER BY 1"],
         standalone_mode=False)
"""

KNOWN = """
from funding_platform.core.system.plugins import PluginError
from funding_platform.defs.assets.raw import raw_assets
from funding_platform.venues.registry import venue_class, venue_names

names = venue_names()
assert names[-1] == "lima", names
assert len(set(names)) == len(names)
assert venue_class("binance").__module__ == "funding_platform.venues.adapters.binance.rest"
reasons = {"broken": "No module named 'funding_nowhere'", "other": "calls itself 'lima'"}
for name, why in reasons.items():
    try:
        venue_class(name)
    except PluginError as error:
        assert why in str(error), error
    else:
        raise AssertionError(name)
keys = {key.to_user_string() for assets in raw_assets(names) for key in assets.keys}
assert {"raw/lima/funding_rates", "raw/lima/instruments"} <= keys
"""


KEEPER = """
from dataclasses import replace
from datetime import timedelta
from funding_lima.adapter import Lima

class Keeper(Lima):
    spec = replace(Lima.spec, name="keeper", history_depth=timedelta(days=30))
"""

KEPT = """
from datetime import timedelta
from pathlib import Path
from funding_platform.flows.collection.history.depths import history_depths
from funding_platform.lake.connection import create
from funding_platform.lake.marts.build import marts_build
from funding_platform.settings import Settings

settings = Settings(data_dir=Path("kept"))
create(settings)
depths = history_depths()
assert depths["keeper"] == timedelta(days=30), depths
assert "lima" not in depths
with marts_build(settings, depths) as build, build.connection() as seen:
    told = dict(seen.execute("FROM build.history_depths").fetchall())
assert told == depths, told
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the package of the guide, its test beside it."""
    source, target = tmp_path_factory.mktemp("lima"), tmp_path_factory.mktemp("packages")
    texts = [block.text for block in (*blocks(GUIDE, "toml"), *blocks(GUIDE, "python"))]
    for name, text in zip(FILES, texts, strict=True):
        file = source / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command = [*pip, "--no-build-isolation", "--target", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    (source / "test_lima.py").rename(target / "test_lima.py")
    return target


def run(packages: Path, *arguments: str, data_dir: Path | None = None) -> str:
    """Run Python with some more packages on its path; return what it printed."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(packages), str(ROOT)))}
    if data_dir is not None:
        environment["FUNDING_DATA_DIR"] = str(data_dir)
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, env=environment, cwd=packages, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    return done.stdout + done.stderr


@pytest.mark.world
def test_the_package_of_the_guide_passes_the_kit(installed: Path) -> None:
    said = run(installed, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_lima.py")
    assert re.search(r"\b3 passed\b", said)


@pytest.mark.world
def test_it_is_collected_in_full(installed: Path, tmp_path: Path) -> None:
    said = run(installed, "-c", COLLECTS, data_dir=tmp_path / "data")
    for dataset in ("funding_rates", "instruments", "market_snapshots"):
        assert f"{dataset},success" in said


@pytest.mark.world
def test_packages_that_are_no_good_cost_themselves_only(installed: Path) -> None:
    register(installed, "bad", "broken = funding_nowhere:Venue\nother = funding_lima.adapter:Lima")
    register(installed, "thief", "binance = funding_lima.adapter:Lima")
    said = run(installed, "-W", "ignore", "-c", KNOWN)
    assert "the Venue 'broken' of bad 1.0 cannot be loaded from funding_nowhere:Venue" in said


@pytest.mark.world
def test_the_marts_know_how_far_back_it_keeps_its_rates(installed: Path) -> None:
    (installed / "funding_keeper.py").write_text(KEEPER)
    register(installed, "keeping", "keeper = funding_keeper:Keeper")
    run(installed, "-W", "ignore", "-c", KEPT)


def register(packages: Path, package: str, lines: str) -> None:
    """Install a package that is nothing but entry points."""
    folder = packages / f"{package}-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(f"[funding_platform.venues]\n{lines}\n")
