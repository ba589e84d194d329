"""When Dagster calls an asset stale: it was last made too long ago, whatever its rows say.

The check ``fresh`` and the alert ``stale`` judge the rows, by ``flows.queries.upkeep.ages``. The
windows here follow from what starts an asset: the hour, a refresh of history, or somebody.
"""

from datetime import timedelta
from typing import Final

import dagster as dg

from funding_platform.core.assumptions import SNAPSHOT_STALE_AFTER
from funding_platform.core.time_grid import HOUR
from funding_platform.flows.checks.lake import HISTORY_REFRESH

HOURLY: Final = dg.FreshnessPolicy.time_window(fail_window=SNAPSHOT_STALE_AFTER)
"""Of what is collected once an hour."""

BUILT_HOURLY: Final = dg.FreshnessPolicy.time_window(fail_window=SNAPSHOT_STALE_AFTER + HOUR)
"""Of what the transforms make of it."""

REFRESHED: Final = dg.FreshnessPolicy.time_window(fail_window=HISTORY_REFRESH)
"""Of histories, which are refreshed thrice a day."""

ON_REQUEST: Final = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=31))
"""Of what somebody starts: what is older tells of a lake that was another."""
