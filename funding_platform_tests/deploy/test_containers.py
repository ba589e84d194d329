"""The image and the compose file: what they are made of, and what they start.

There is no container registry to build against here: both are read, and the commands in them are
checked outside of a container.
"""

import json
import re
import shlex
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from funding_platform.settings import Settings
from funding_platform_tests.checkout import ROOT
from funding_platform_tests.deploy.commands import PROGRAMS, understood

DEPLOY = ROOT / "deploy"
DOCKERFILE = DEPLOY / "docker" / "Dockerfile"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, one in SERVICES.items() if "funding-platform" in one["image"])
SECRET = re.compile(r"PASSWORD|SECRET|KEY|TOKEN|_URL$")


def instructions() -> list[tuple[str, str]]:
    """Read the Dockerfile: each instruction with what follows it, lines joined."""
    text = "\n".join(
        line
        for line in DOCKERFILE.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    )
    joined = text.replace("\\\n", " ")
    return [
        (word, rest.strip())
        for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())
    ]


def test_the_image_is_of_two_stages_and_pinned() -> None:
    stated = instructions()
    assert [rest for word, rest in stated if word == "FROM"] == [
        "${PYTHON_IMAGE} AS build",
        "${PYTHON_IMAGE}",
    ]
    (base,) = [rest for word, rest in stated if word == "ARG"]
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.11\.\d+-slim-\w+", base), "version and patch"
    installs = [rest for word, rest in stated if word == "RUN" and "pip install" in rest]
    assert "--require-hashes" in installs[0]
    assert all("--no-deps" in one for one in installs)


def test_nobody_is_root_in_the_image() -> None:
    stated = instructions()
    last = max(place for place, (word, _) in enumerate(stated) if word == "FROM")
    assert [rest for word, rest in stated[last:] if word == "USER"] == ["10001:10001"]
    after = stated[[word for word, _ in stated].index("USER") :]
    assert not [word for word, _ in after if word in ("RUN", "COPY", "ADD")]


def test_what_the_image_starts_and_is_asked_is_there() -> None:
    for word, rest in instructions():
        if word in ("CMD", "HEALTHCHECK"):
            command = json.loads(rest[rest.index("[") :])
            if command[0] in PROGRAMS:
                understood(command)
            else:
                compile(command[command.index("-c") + 1], "healthcheck", "exec")


def test_the_image_is_made_of_what_a_release_has_and_nothing_else() -> None:
    kept = [
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    copied = [
        source
        for word, rest in instructions()
        if word == "COPY" and not rest.startswith("--from")
        for source in shlex.split(rest)[:-1]
    ]
    assert sorted(kept) == sorted(copied)
    assert all(name.startswith("dist/") for name in kept)


@pytest.mark.parametrize("name", OURS)
def test_each_service_starts_and_is_asked_a_command_that_there_is(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "workspace.yaml").touch()
    service = SERVICES[name]
    command = service["command"]
    understood(shlex.split(command[2].partition(">")[0]) if command[0] == "sh" else command)
    check = service.get("healthcheck", {}).get("test", ())
    if check and check[1] in PROGRAMS:
        understood(check[1:])
    elif check:
        compile(check[check.index("-c") + 1], "healthcheck", "exec")


@pytest.mark.parametrize("name", OURS)
def test_each_service_may_do_little(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["image"].endswith(f":{version('funding-platform')}}}")


def test_ports_are_open_to_this_machine_only() -> None:
    ports = [port for one in SERVICES.values() for port in one.get("ports", ())]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_no_secret_stands_in_the_file() -> None:
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if SECRET.search(key) and value is not None:
                assert "${" in value, f"{name}: {key}"
                assert not re.search(r":[^/$@{}]+@", value), f"{name}: {key} holds a password"
    example = (DEPLOY / "env.example").read_text()
    assert [line for line in example.splitlines() if re.fullmatch(r"\w+=.+", line)] == []


def test_both_profiles_are_whole() -> None:
    for profile in ("single", "cluster"):
        own = {name: one for name, one in SERVICES.items() if profile in one["profiles"]}
        for name, service in own.items():
            assert set(service.get("depends_on", ())) <= set(own), name
            for one in service.get("configs", ()):
                assert one["source"] in COMPOSE["configs"], name
            for mount in service.get("volumes", ()):
                source = mount.partition(":")[0]
                assert source in COMPOSE["volumes"] or (DEPLOY / source).is_dir(), name
        modules = {word for one in own.values() for word in one.get("command", ())}
        assert {"funding_platform.definitions", "funding_platform.execution_definitions"} <= modules
    workers = [name for name in SERVICES if name.startswith("worker")]
    assert [SERVICES[name]["command"][:2] for name in workers] == 2 * [["funding", "worker"]]


def test_files_that_are_handed_in_exist() -> None:
    for name, config in COMPOSE["configs"].items():
        assert (DEPLOY / config["file"]).is_file(), name


def test_run_monitoring_sees_the_processes_that_it_looks_for() -> None:
    """A run is a child of a code server; on one machine the daemon looks for it by its number."""
    assert SERVICES["daemon"]["pid"] == "service:code"
    assert SERVICES["execution"]["pid"] == "service:code"


def test_the_code_servers_are_where_the_workspace_says() -> None:
    stated = yaml.safe_load((DEPLOY / "docker" / "workspace.yaml").read_text())["load_from"]
    for place in (one["grpc_server"] for one in stated):
        assert str(place["port"]) in SERVICES[place["host"]]["command"]
        aliases = SERVICES[f"cluster-{place['host']}"]["networks"]["default"]["aliases"]
        assert aliases == [place["host"]]


def test_every_setting_that_is_handed_in_is_one() -> None:
    known = {f"FUNDING_{name.upper()}" for name in Settings.model_fields}
    given = {key for name in OURS for key in SERVICES[name]["environment"]}
    assert sorted(given - known) == []
