"""The built wheel holds all that it needs, and the demo runs from it in an empty folder.

The environment that it is installed into has no network: what it depends on comes from ours.
"""

import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from importlib.metadata import version
from pathlib import Path

import pytest

from funding_platform.settings import Settings
from funding_platform_tests.checkout import ROOT, run_in

pytestmark = pytest.mark.packaging

SMALL = ("--months", "1", "--symbols", "2")
"""It is how a wheel runs that is tried here, not what the demo finds."""

DBT = """\
#!{python}
import sys
from dbt.cli.main import cli
sys.exit(cli())
"""
"""The program that comes with dbt, for another interpreter."""


@dataclass(frozen=True)
class Built:
    """The two files that a release has."""

    wheel: Path
    sdist: Path


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it, and an empty folder to work in."""

    programs: Path
    package: Path
    folder: Path

    def files(self) -> set[Path]:
        """Return the files of the package, without what Python and numba compile of them."""
        return {path for path in self.package.rglob("*") if "__pycache__" not in path.parts}

    def run(self, *command: str) -> str:
        """Run one of its programs in the folder; return what it printed."""
        done = run_in(self.folder, *command, programs=(self.programs,))
        assert done.returncode == 0, done.stdout[-5_000:]
        return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """What `make package` builds: the wheel is made from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    arguments = ("--no-isolation", "--outdir", str(folder), str(ROOT))
    subprocess.run([sys.executable, "-m", "build", *arguments], check=True, capture_output=True)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Built(wheel, sdist)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in an environment of its own."""
    root = tmp_path_factory.mktemp("installed")
    environment, folder = root / "venv", root / "empty"
    folder.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    programs = environment / "bin"
    python = programs / "python"
    options = ("--quiet", "--no-index", "--no-deps")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", *options]
    subprocess.run([*pip, str(built.wheel)], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "ours.pth").write_text(sysconfig.get_path("purelib"))
    (programs / "dbt").write_text(DBT.format(python=python))
    (programs / "dbt").chmod(0o755)
    return Installed(programs, site / "funding_platform", folder)


def project_files() -> Iterator[str]:
    """What git keeps of the folders that a wheel takes along."""
    folders = ("dbt_project", "notebooks", "backtests", "data/dagster_home", "workspace.yaml")
    listed = subprocess.run(
        ["git", "ls-files", *folders], cwd=ROOT, check=True, capture_output=True, text=True
    )
    yield from listed.stdout.split()


def metadata(built: Built) -> Message:
    """The core metadata of the wheel."""
    with zipfile.ZipFile(built.wheel) as wheel:
        (name,) = (one for one in wheel.namelist() if one.endswith(".dist-info/METADATA"))
        return Parser().parsestr(wheel.read(name).decode())


def test_wheel_and_sdist_hold_every_file_of_the_project(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel, tarfile.open(built.sdist) as sdist:
        in_wheel = set(wheel.namelist())
        in_sdist = {name.partition("/")[2] for name in sdist.getnames()}
    files = list(project_files())
    assert [one for one in files if f"funding_platform/project/{one}" not in in_wheel] == []
    assert [one for one in files if one not in in_sdist] == []
    tops = {name.partition("/")[0] for name in in_wheel}
    assert tops == {"funding_platform", f"funding_platform-{version('funding-platform')}.dist-info"}


def test_tools_are_no_extras_of_the_wheel(built: Built) -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = set(stated["project"]["optional-dependencies"])
    assert set(metadata(built).get_all("Provides-Extra", [])) == extras
    assert not extras & set(stated["dependency-groups"])


def test_the_dashboard_is_in_the_wheel(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        page = wheel.read("funding_platform/service/static/index.html").decode()
        there = set(wheel.namelist())
    named = re.findall(r'(?:src|href)="/dashboard/([\w.-]+)"', page)
    assert {Path(one).suffix for one in named} == {".js", ".css"}
    assert [one for one in named if f"funding_platform/service/static/{one}" not in there] == []


def test_the_demo_runs_from_the_wheel_in_an_empty_folder(installed: Installed) -> None:
    before = installed.files()
    assert "demo" in installed.run("funding", "--help")
    shown = installed.run("funding", "demo", *SMALL)
    assert "Ten best opportunities" in shown
    assert "Traceback" not in shown
    data = Settings(data_dir=installed.folder / "data")
    assert data.published_file.exists()
    assert (data.data_dir / "dagster_home" / "dagster.yaml").exists()
    assert [path.name for path in installed.folder.iterdir()] == ["data"]
    assert installed.files() == before, "it wrote into the package"


def test_it_is_the_wheel_that_runs(installed: Installed) -> None:
    where = installed.run("python", "-c", "import funding_platform as f; print(f.__file__)")
    assert Path(where.strip()).parent == installed.package
