"""The Dagster UI and daemon on this machine, over the lake that the settings name."""

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

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
    venues = sandbox_venues(build_market) if sandbox else nullcontext(dict[str, Any]())
    with venues as stated:
        environment = {
            f"FUNDING_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in stated.items()
        }
        try:
            subprocess.run(command, env={**os.environ, **environment}, check=False)  # noqa: S603
        except KeyboardInterrupt:
            return
