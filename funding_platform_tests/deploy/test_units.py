"""The units for systemd: what it thinks of them, and what they start."""

import shlex
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

from funding_platform.local.dev import LOCATIONS
from funding_platform_tests.checkout import OURS, ROOT
from funding_platform_tests.deploy.commands import understood

UNITS = ROOT / "deploy" / "systemd"
SERVICES = sorted(file.name for file in UNITS.glob("*.service"))
MOST_EXPOSED = 20
"""Tenths, of 100 at most, by what systemd counts."""

HERE = "/srv/funding/.venv/bin"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd-analyze"
)


def unit(name: str) -> dict[str, list[str]]:
    """Read a unit: what it says under each key of ``[Service]``, in order."""
    lines: dict[str, list[str]] = {}
    for line in (UNITS / name).read_text(encoding="utf-8").splitlines():
        key, found, value = line.partition("=")
        if found and not line.startswith("#"):
            lines.setdefault(key, []).append(value)
    return lines


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units in a folder of their own, with programs that are there."""
    folder = tmp_path_factory.mktemp("units")
    shutil.copytree(UNITS, folder, dirs_exist_ok=True)
    for file in folder.glob("*.service"):
        file.write_text(file.read_text().replace(HERE, str(OURS)))
    return folder


def analyze(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["systemd-analyze", *words],
        env={"SYSTEMD_UNIT_PATH": f"{folder}:", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@needs_systemd
def test_systemd_has_nothing_against_them(installed: Path) -> None:
    files = [str(installed / name.replace("@.", "@1.")) for name in SERVICES]
    assert analyze(installed, "verify", "--man=no", *files, str(installed / "funding.target")) == ""


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_what_each_may_do_is_little(installed: Path, name: str) -> None:
    told = analyze(
        installed,
        *("security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager"),
        str(installed / name.replace("@.", "@1.")),
    )
    assert "Overall exposure level" in told


@needs_systemd
def test_without_what_they_have_in_common_they_might_do_too_much(
    installed: Path, tmp_path: Path
) -> None:
    shutil.copy(installed / "funding-serve.service", tmp_path)
    with pytest.raises(AssertionError, match="exposure level"):
        analyze(
            tmp_path,
            *("security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager"),
            str(tmp_path / "funding-serve.service"),
        )


@pytest.mark.parametrize("name", SERVICES)
def test_each_starts_a_command_that_there_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (command,) = unit(name)["ExecStart"]
    assert command.startswith(f"{HERE}/")
    understood(shlex.split(command.replace("%i", "1")))


def test_the_code_servers_are_those_of_the_workspace() -> None:
    stated = yaml.safe_load((UNITS / "workspace.yaml").read_text(encoding="utf-8"))["load_from"]
    listening = {place["grpc_server"]["location_name"]: place["grpc_server"] for place in stated}
    assert set(listening) == set(LOCATIONS)
    for file, location in (
        ("funding-code.service", "funding_platform"),
        ("funding-execution.service", "execution"),
    ):
        words = shlex.split(unit(file)["ExecStart"][0])
        assert LOCATIONS[location] in words
        assert str(listening[location]["port"]) in words


def test_runs_outlive_the_code_server_that_started_them() -> None:
    for name in SERVICES:
        said = unit(name)
        if name in ("funding-code.service", "funding-execution.service"):
            assert said["KillMode"] == ["process"]
            assert "PrivateTmp" not in said, "it would be taken from the runs that go on"
            assert any(one.startswith("TMPDIR=") for one in said["Environment"])
        else:
            assert said["KillMode"] == ["mixed"]
            assert said["PrivateTmp"] == ["yes"]


def test_a_worker_waits_for_the_longest_run() -> None:
    dagster = yaml.safe_load((ROOT / "data/dagster_home/dagster.yaml").read_text())
    (hours,) = unit("funding-worker@.service")["TimeoutStopSec"]
    longest = dagster["run_monitoring"]["max_runtime_seconds"]
    assert int(hours.removesuffix("h")) * 3600 >= longest


def test_the_common_part_is_read_as_one_section() -> None:
    common = ConfigParser(strict=False, interpolation=None)
    common.optionxform = str  # type: ignore[assignment,method-assign]
    common.read(UNITS / "funding-.service.d" / "10-common.conf")
    assert common["Service"]["ReadWritePaths"] == "/srv/funding/data"
    assert common["Service"]["EnvironmentFile"].startswith("-")
