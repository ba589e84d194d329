"""Write down what the code location offers: assets, checks, jobs, schedules and sensors.

One line for each, sorted, in ``funding_platform_tests/defs/definitions.txt``. The file is committed
and a test compares it with the definitions, so that whatever a change adds, renames or loses shows
in its diff. ``python -m funding_platform.devtools.definitions`` writes it anew.
"""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from funding_platform.defs.assembly import build_definitions
from funding_platform.devtools.asset_graph import PARTITIONS
from funding_platform.settings import project_root

SNAPSHOT = Path("funding_platform_tests") / "defs" / "definitions.txt"


def definitions_text(definitions: dg.Definitions) -> str:
    """Return the text of ``definitions.txt``."""
    return "".join(f"{line}\n" for line in sorted(_lines(definitions)))


def _lines(definitions: dg.Definitions) -> Iterator[str]:
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        partitions = PARTITIONS.get(type(node.partitions_def).__name__)
        told = f"{node.group_name}, {partitions}" if partitions else node.group_name
        yield f"asset {key.to_user_string()}: {told}"
    for check in graph.asset_check_keys:
        blocking = ", blocking" if graph.get_check_spec(check).blocking else ""
        yield f"check {check.asset_key.to_user_string()}: {check.name}{blocking}"
    for job in definitions.jobs or ():
        yield f"job {job.name}"
    for schedule in definitions.schedules or ():
        assert isinstance(schedule, dg.ScheduleDefinition)
        yield f"schedule {schedule.name}: {schedule.cron_schedule}, job {schedule.job_name}"
    for sensor in definitions.sensors or ():
        yield f"sensor {sensor.name}"


if __name__ == "__main__":
    (project_root() / SNAPSHOT).write_text(definitions_text(build_definitions()), encoding="utf-8")
