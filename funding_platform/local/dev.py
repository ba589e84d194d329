"""The Dagster UI and daemon on this machine, over the lake that the settings name."""

import json
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from funding_platform.local.home import dagster_instance
from funding_platform.local.sandbox_run import sandbox_venues
from funding_platform.local.supervisor import Service, python_module, supervise
from funding_platform.sandbox.faults import parse_faults
from funding_platform.sandbox.server import build_market
from funding_platform.settings import Settings
from funding_platform.views.terminal import remark

LOOPBACK: Final = "127.0.0.1"

_WORKSPACE: Final = """\
load_from:
  - grpc_server:
      host: {host}
      port: {port}
      location_name: funding_platform
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
    environment = {
        f"FUNDING_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in stated.items()
    }
    with _workspace() as (workspace, code_port), suppress(KeyboardInterrupt):
        supervise(
            services(
                workspace,
                code_port=code_port,
                ui_port=port,
                service_port=service_port,
                live=Settings().live,
            ),
            {**os.environ, **environment},
            lambda text: remark("dev", "yellow", text),
        )


def services(
    workspace: Path, *, code_port: int, ui_port: int, service_port: int, live: bool
) -> Sequence[Service]:
    """List what is to run: the code server, the two that ask it, the service, the live collector.

    Parameters
    ----------
    workspace
        The file that tells where the code server listens.
    code_port, ui_port, service_port
        Where the code server, the UI and the service listen, on the loopback interface.
    live
        Whether the live collector runs too.
    """

    def command(program: str, *arguments: object) -> list[str]:
        told = (str(os.getpid()), program, *map(str, arguments))
        return python_module("funding_platform.local.child", *told)

    code = ("--module-name", "funding_platform.definitions", "--host", LOOPBACK)
    listening = ("--host", LOOPBACK, "--port", ui_port)
    return (
        Service(
            "code server",
            command("dagster", "api", "grpc", *code, "--port", code_port),
            lambda: _listens(code_port),
        ),
        Service("daemon", command("dagster-daemon", "run", "-w", workspace)),
        Service("web server", command("dagster-webserver", "-w", workspace, *listening)),
        Service("service", command("funding", "serve", "--port", service_port)),
        *([Service("live collector", command("funding", "live"))] if live else ()),
    )


@contextmanager
def _workspace() -> Iterator[tuple[Path, int]]:
    """Choose a port for the code server; yield the workspace that names it, and the port."""
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        port = int(free.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "workspace.yaml"
        file.write_text(_WORKSPACE.format(host=LOOPBACK, port=port), encoding="utf-8")
        yield file, port


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((LOOPBACK, port)) == 0
