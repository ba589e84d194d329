"""Write down what the code locations offer: assets, checks, jobs, schedules and sensors.

One line for each, sorted, those of all locations together, in
``funding_platform_tests/defs/definitions.txt``. The file is committed and a test compares it with
the definitions, so that whatever a change adds, renames or loses shows in its diff.
``python -m funding_platform.devtools.definitions`` writes it anew.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import dagster as dg

from funding_platform.devtools.asset_graph import PARTITIONS, locations, own_assets
from funding_platform.settings import project_root

SNAPSHOT = Path("funding_platform_tests") / "defs" / "definitions.txt"


def definitions_text(served: Iterable[dg.Definitions]) -> str:
    """Return the text of ``definitions.txt``."""
    served = list(served)
    lines = [*_asset_lines(served), *(line for one in served for line in _job_lines(one))]
    return "".join(f"{line}\n" for line in sorted(lines))


def _asset_lines(served: Iterable[dg.Definitions]) -> Iterator[str]:
    for graph, keys in own_assets(served):
        for key in keys:
            node = graph.get(key)
            partitions = PARTITIONS.get(type(node.partitions_def).__name__)
            told = f"{node.group_name}, {partitions}" if partitions else node.group_name
            yield f"asset {key.to_user_string()}: {told}"
        for check in graph.asset_check_keys:
            blocking = ", blocking" if graph.get_check_spec(check).blocking else ""
            yield f"check {check.asset_key.to_user_string()}: {check.name}{blocking}"


def _job_lines(definitions: dg.Definitions) -> Iterator[str]:
    for job in definitions.jobs or ():
        yield f"job {job.name}"
    for schedule in definitions.schedules or ():
        assert isinstance(schedule, dg.ScheduleDefinition)
        yield f"schedule {schedule.name}: {schedule.cron_schedule}, job {schedule.job_name}"
    for sensor in definitions.sensors or ():
        yield f"sensor {sensor.name}"


if __name__ == "__main__":
    (project_root() / SNAPSHOT).write_text(definitions_text(locations()), encoding="utf-8")
