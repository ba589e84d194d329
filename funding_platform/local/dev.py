"""The Dagster UI and daemon on this machine, over the lake that the settings name."""

import os
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from funding_platform.local.home import dagster_instance
from funding_platform.local.sandbox_run import sandbox_venues
from funding_platform.local.supervisor import Service, python_module, supervise
from funding_platform.sandbox.faults import parse_faults
from funding_platform.sandbox.server import build_market
from funding_platform.settings import Settings, as_environment
from funding_platform.views.terminal import remark

LOOPBACK: Final = "127.0.0.1"

LOCATIONS: Final = {
    "funding_platform": "funding_platform.definitions",
    "execution": "funding_platform.execution_definitions",
}
"""Code locations by name, with their modules: those of ``workspace.yaml``."""

_LOCATION: Final = """\
  - grpc_server:
      host: {host}
      port: {port}
      location_name: {name}
"""


def serve_ui(*, port: int, service_port: int) -> None:
    """Serve the UI, and run sensors and schedules over the real venues, until interrupted.

    Parameters
    ----------
    port, service_port
        Ports of the UI and of the service on the loopback interface.

    Raises
    ------
    DagsterHomeError
        If DAGSTER_HOME cannot be used.
    ServiceEndedError
        If the code server, the daemon, the web server or the service keeps ending.
    """
    _serve(port, service_port, {})


def serve_sandbox_ui(*, port: int, service_port: int, symbols: int, faults: str | None) -> None:
    """Do the same over sandbox venues, which are served beside it.

    Parameters
    ----------
    port, service_port
        Ports of the UI and of the service on the loopback interface.
    symbols
        Instruments per venue.
    faults
        What the venues do wrong, as JSON; see `funding_platform.sandbox.faults`.

    Raises
    ------
    SandboxError
        If the faults are none.
    DagsterHomeError, ServiceEndedError
        As ``serve_ui``.
    """
    armed = parse_faults(faults) if faults else ()
    with sandbox_venues(partial(build_market, symbols=symbols), armed) as stated:
        _serve(port, service_port, stated)


def _serve(port: int, service_port: int, stated: Mapping[str, Any]) -> None:
    dagster_instance().dispose()
    with _workspace() as (workspace, code_ports), suppress(KeyboardInterrupt):
        supervise(
            services(
                workspace,
                code_ports=code_ports,
                ui_port=port,
                service_port=service_port,
                live=Settings().live,
            ),
            {**os.environ, **as_environment(stated)},
            lambda text: remark("dev", "yellow", text),
        )


def services(
    workspace: Path, *, code_ports: Mapping[str, int], ui_port: int, service_port: int, live: bool
) -> Sequence[Service]:
    """List what is to run: code servers, the two that ask them, the service, the live collector.

    Parameters
    ----------
    workspace
        The file that tells where the code servers listen.
    code_ports, ui_port, service_port
        Where those of ``LOCATIONS``, the UI and the service listen, on the loopback interface.
    live
        Whether the live collector runs too.
    """

    def command(program: str, *arguments: object) -> list[str]:
        told = (str(os.getpid()), program, *map(str, arguments))
        return python_module("funding_platform.local.child", *told)

    def code_server(name: str, port: int) -> Service:
        code = ("--module-name", LOCATIONS[name], "--host", LOOPBACK, "--port", port)
        return Service(
            "code server" if name == "funding_platform" else f"code server of {name}",
            command("dagster", "api", "grpc", *code),
            lambda: listens(port),
        )

    listening = ("--host", LOOPBACK, "--port", ui_port)
    return (
        *(code_server(name, port) for name, port in code_ports.items()),
        Service("daemon", command("dagster-daemon", "run", "-w", workspace)),
        Service("web server", command("dagster-webserver", "-w", workspace, *listening)),
        Service("service", command("funding", "serve", "--port", service_port)),
        *([Service("live collector", command("funding", "live"))] if live else ()),
    )


@contextmanager
def _workspace() -> Iterator[tuple[Path, Mapping[str, int]]]:
    """Choose a port for each code server; yield the workspace that names them, and the ports."""
    with ExitStack() as held:
        sockets = {name: held.enter_context(socket.socket()) for name in LOCATIONS}
        for free in sockets.values():
            free.bind((LOOPBACK, 0))  # all of them at once, or one might be given out twice
        ports = {name: int(free.getsockname()[1]) for name, free in sockets.items()}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "workspace.yaml"
        write_workspace(file, ports)
        yield file, ports


def write_workspace(file: Path, ports: Mapping[str, int]) -> None:
    """Write the file that tells on which ports code servers listen, by their names."""
    told = [_LOCATION.format(host=LOOPBACK, port=port, name=name) for name, port in ports.items()]
    file.write_text("".join(("load_from:\n", *told)), encoding="utf-8")


def listens(port: int) -> bool:
    """Tell whether somebody listens on a port of the loopback interface."""
    with socket.socket() as client:
        return client.connect_ex((LOOPBACK, port)) == 0
