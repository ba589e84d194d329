"""The dashboards that there are."""

from typing import Final

from funding_platform.devtools.dashboards.execution import EXECUTION
from funding_platform.devtools.dashboards.lake import LAKE
from funding_platform.devtools.dashboards.platform import PLATFORM
from funding_platform.devtools.dashboards.service import SERVICE
from funding_platform.devtools.dashboards.stress import STRESS

DASHBOARDS: Final = (PLATFORM, SERVICE, STRESS, EXECUTION, LAKE)
