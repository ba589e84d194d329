"""The present of tests that collect: a day in the middle of a month, whatever the day is today.

``TEST_PRESENT=2024-02-29T12:30:00+00:00 pytest`` runs them at another time, which must be past:
commits of the lake bear the real time.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import time_machine

PRESENT = datetime.fromisoformat(os.environ.get("TEST_PRESENT", "2026-10-14T10:23:45+00:00"))


@contextmanager
def at_present() -> Iterator[None]:
    """``PRESENT`` is now, for this process; the clock goes on from there.

    DuckDB and the processes that are started have clocks of their own, which show the real time.
    """
    with time_machine.travel(PRESENT.timestamp()):
        yield
