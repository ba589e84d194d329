"""When the hour's transforms may start."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from funding_platform.core.time_grid import floor_hour

TRANSFORM_DEADLINE: Final = timedelta(minutes=10)
"""How long into the hour the transforms wait for venues that have not answered: past the first of
their second chances. What a later one brings is in the next hour's marts."""


def transform_is_due(now: datetime, venues: Collection[str], arrived: Collection[str]) -> bool:
    """Tell whether the hour's transforms may start: all venues in, or the deadline passed.

    With not one venue in, there is nothing new to transform.
    """
    if not arrived:
        return False
    return set(venues) <= set(arrived) or now - floor_hour(now) >= TRANSFORM_DEADLINE
