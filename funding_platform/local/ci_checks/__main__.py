"""``make ci-checks``: a small world through the real jobs; fails if any asset check does.

This is what a downstream team runs in its own CI: `python -m funding_platform.local.ci_checks`.

It is the ``__main__`` of a package, for any other main module is imported again by each process
that it starts: the sandbox would begin by importing all of Dagster.
"""

import os
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

import dagster as dg

from funding_platform.defs.assembly import build_definitions
from funding_platform.local.sandbox_run import SandboxRun, failed_checks, sandbox_venues
from funding_platform.sandbox.server import build_market
from funding_platform.settings import DAGSTER_HOME, project_file
from funding_platform.views.terminal import console, progress_bars, remark

MONTHS = 2
SYMBOLS = 12


def main() -> int:
    """Materialise the small world in a folder of its own; 0 if every run and check is well."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "dagster_home"
        home.mkdir()
        shutil.copy(project_file(DAGSTER_HOME / "dagster.yaml"), home)
        os.environ["DAGSTER_HOME"] = str(home)  # where dagster.yaml looks for its own folder
        log = Path(folder) / "ci.log"
        with (
            sandbox_venues(partial(build_market, symbols=SYMBOLS)) as stated,
            progress_bars(log),
            dg.DagsterInstance.from_config(str(home)) as instance,
        ):
            world = SandboxRun(build_definitions(data_dir=folder, **stated), instance)
            results = [result for _, result in world.everything(MONTHS)]
    troubles = [f"run {one.run_id} failed" for one in results if not one.success]
    troubles += failed_checks(results)
    checked = sum(len(one.get_asset_check_evaluations()) for one in results)
    for trouble in troubles:
        remark("bad", "red", trouble)
    console.print(f"{len(results)} runs, {checked} asset checks, {len(troubles)} troubles")
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())
