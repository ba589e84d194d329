"""The units for systemd: their programs and options exist, and restarts leave runs alone."""

import shlex
from configparser import ConfigParser
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest
import yaml

from funding_platform_tests.checkout import ROOT
from funding_platform_tests.docs.markdown import blocks

DEPLOYING = ROOT / "docs" / "deploying.md"


def unit(text: str) -> ConfigParser:
    read = ConfigParser(strict=False, interpolation=None)  # a key may be there several times
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read_string(text)
    return read


NAMED = {"funding": "main"}
"""What a program's group of commands is called, where that is not ``cli``."""

UNITS = {
    Path(block.text.splitlines()[0].removeprefix("# ")).stem: unit(block.text)
    for block in blocks(DEPLOYING, "ini")
}


def command_of(service: ConfigParser) -> tuple[str, list[str]]:
    program, *arguments = shlex.split(service["Service"]["ExecStart"])
    return Path(program).name, arguments


def test_there_is_a_unit_for_each_service() -> None:
    platform = ["funding-code", "funding-daemon", "funding-ui", "funding-live"]
    assert list(UNITS) == [*platform, "funding-trade"]


@pytest.mark.parametrize("name", UNITS)
def test_what_a_unit_starts_takes_its_options(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("data/workspace.yaml").touch()
    program, arguments = command_of(UNITS[name])
    (found,) = entry_points(group="console_scripts", name=program)
    command: click.Command = getattr(import_module(found.module), NAMED.get(program, "cli"))
    while isinstance(command, click.Group) and arguments:
        subcommand = command.get_command(click.Context(command), arguments.pop(0))
        assert subcommand is not None
        command = subcommand
    command.make_context(program, arguments)


def test_a_code_server_that_is_stopped_leaves_its_runs_alone() -> None:
    assert UNITS["funding-code"]["Service"]["KillMode"] == "process"
    for service in UNITS.values():
        assert service["Service"]["Restart"] == "always"


def test_the_workspace_names_the_port_of_the_code_server() -> None:
    (block,) = (one for one in blocks(DEPLOYING, "yaml") if "grpc_server" in one.text)
    server = yaml.safe_load(block.text)["load_from"][0]["grpc_server"]
    _, arguments = command_of(UNITS["funding-code"])
    told = dict(zip(arguments[2::2], arguments[3::2], strict=True))
    assert (told["--host"], told["--port"]) == (server["host"], str(server["port"]))
