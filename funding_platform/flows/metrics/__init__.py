"""What a monitoring system is told: figures of lake, venues, streams, traders, alerts and Dagster.

Everything is asked of what is stored when somebody asks, so that any process can tell it and none
has to run for it. Questions are bounded by the last days, not by the history. The metrics are
declared in ``telemetry.declared``.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from funding_platform.flows.doctor.orchestration import DagsterFacts
from funding_platform.flows.metrics.collection import of_collections, of_venues
from funding_platform.flows.metrics.execution import of_traders
from funding_platform.flows.metrics.lake import of_data, of_files
from funding_platform.flows.metrics.live import of_live
from funding_platform.flows.metrics.market import of_market
from funding_platform.flows.metrics.operations import of_alerts, of_dagster
from funding_platform.lake import connect
from funding_platform.lake.profiles import profile_of
from funding_platform.settings import Settings
from funding_platform.telemetry.metrics import Family


def families(
    settings: Settings, now: datetime, facts: Callable[[], DagsterFacts] | None = None
) -> Iterator[Family]:
    """Yield every metric; of a lake that is not there, and of Dagster unless asked, none.

    Parameters
    ----------
    facts
        Asks Dagster.
    """
    yield from of_venues(settings, now)
    yield from of_alerts(settings)
    yield from of_live(settings, now)
    yield from of_traders(settings, now)
    if facts is not None:
        yield from of_dagster(facts(), now)
    if profile_of(settings).exists():
        with connect(settings) as lake:
            lake.begin()  # all figures of one state, and the catalog is read once
            yield from of_collections(lake, now)
            yield from of_data(lake, settings, now)
            yield from of_files(lake, settings, now)
            yield from of_market(lake, settings, now)
