"""The code location of the chaos tests: the platform's own jobs, started by request files.

The platform's sensors and schedules would start runs of their own in between. One sensor stands in
for them, which turns every file of a folder into a run: a test asks a real daemon for a run without
a web server beside it.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from dagster._core.storage.tags import MAX_RETRIES_TAG

from funding_platform.defs.assembly import build_definitions

REQUESTS = "FUNDING_TEST_REQUESTS"
"""Environment variable with the folder of the requests."""

REQUEST_TAG = "funding_test/request"
"""Run tag with the name of the request."""


def _run_requests() -> Iterator[dg.RunRequest]:
    for file in sorted(Path(os.environ[REQUESTS]).glob("*.json")):
        request = json.loads(file.read_text())
        yield dg.RunRequest(
            run_key=file.stem,
            job_name=request["job"],
            # What becomes of the killed run itself is the question, not of the one that follows it.
            tags={**request["tags"], REQUEST_TAG: file.stem, MAX_RETRIES_TAG: "0"},
            asset_selection=[dg.AssetKey(key) for key in request["assets"]] or None,
        )


def _definitions() -> dg.Definitions:
    platform = build_definitions()
    requested = dg.SensorDefinition(
        name="requested",
        evaluation_fn=_run_requests,
        jobs=list(platform.jobs or []),
        minimum_interval_seconds=1,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    return dg.Definitions(
        assets=platform.assets,
        asset_checks=platform.asset_checks,
        jobs=platform.jobs,
        sensors=[requested],
        resources=platform.resources,
        executor=platform.executor,
    )


defs = _definitions()
