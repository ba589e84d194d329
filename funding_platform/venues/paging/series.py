"""What is paged through: settlements, which come at any interval, or rows on the grid of hours.

A pager reads either. What it has to know of the rows is declared here: how to call them, when two
of one time contradict each other, and at which times they lie.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Generic

from funding_platform.core.intervals import CONTEXT
from funding_platform.core.time_grid import MILLISECOND
from funding_platform.venues.parsing.records import Row, Settlement


@dataclass(frozen=True, slots=True)
class Series(Generic[Row]):
    """One kind of rows through time.

    Parameters
    ----------
    subject, noun
        How errors call the whole, before the symbol, and one row.
    differ
        What two rows of one time contradict each other in; None where they agree.
    context
        How far beside the window to read.
    context_rows
        So many rows before the window prove that none within it was passed over.
    step
        The distance of rows that lie on the grid of multiples of it; None where they lie anywhere.
        On a grid the last row of a window is known before it is read. It also says who is at fault
        in a contradiction: two rates of one settlement refuse the history, a bar costs itself.
    lasts
        How long after its time a row is complete; before that it is passed over.
    """

    subject: str
    noun: str
    differ: Callable[[Row, Row], str | None]
    context: timedelta
    context_rows: int
    step: timedelta | None = None
    lasts: timedelta = timedelta(0)

    @property
    def step_ms(self) -> int | None:
        """The distance of rows in milliseconds."""
        return None if self.step is None else self.step // MILLISECOND

    @property
    def lasts_ms(self) -> int:
        """How long a row takes to be complete, in milliseconds."""
        return self.lasts // MILLISECOND


def _two_rates(known: Settlement, row: Settlement) -> str | None:
    return None if known.rate == row.rate else f"two rates: {known.rate} and {row.rate}"


SETTLEMENTS: Final = Series(
    subject="funding history",
    noun="settlement",
    differ=_two_rates,
    context=CONTEXT,
    context_rows=2,  # inference of intervals looks no further
)
