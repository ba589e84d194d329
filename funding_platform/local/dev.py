"""The Dagster UI and daemon on this machine, over the lake that the settings name."""

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

from funding_platform.local.home import dagster_instance
from funding_platform.local.sandbox_run import sandbox_venues
from funding_platform.sandbox.server import build_market
from funding_platform.settings import project_file


def serve_ui(*, sandbox: bool, port: int) -> None:
    """Run ``dagster dev`` until interrupted.

    Parameters
    ----------
    sandbox
        Serve sandbox venues beside it and collect from those.
    port
        Port of the UI on the loopback interface.

    Raises
    ------
    DagsterHomeError
        If DAGSTER_HOME cannot be used.
    """
    dagster_instance().dispose()
    command = [
        str(Path(sys.executable).with_name("dagster")),
        *("dev", "--workspace", str(project_file("workspace.yaml")), "--port", str(port)),
    ]
    with sandbox_venues(build_market()) if sandbox else nullcontext():
        try:
            subprocess.run(command, check=False)  # noqa: S603
        except KeyboardInterrupt:
            return
