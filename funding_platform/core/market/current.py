"""Which rows are of one time, where the newest of several are shown side by side as "now".

A lake holds venues that are gone and instruments that stopped: their newest row is years old, and
no figure of today compares with it.
"""

from datetime import timedelta
from typing import Final

import polars as pl

CURRENT_WITHIN: Final = timedelta(days=1)
"""How much older than the newest of them a row may be: three 8-hour windows."""


def is_current(time: str = "as_of") -> pl.Expr:
    """Whether a row is of the same time as the newest of its frame.

    ``time > max(time) - CURRENT_WITHIN``. Against the newest, not against the clock: in a lake
    whose collection has stopped all rows are of one time still, which is shown beside them.
    """
    return pl.col(time) > pl.col(time).max() - CURRENT_WITHIN
