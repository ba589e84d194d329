"""Where a cycle gets its market from: a contract, and one that holds what it is given."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import polars as pl

from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.execution.cycle.market import MARKET, RATES
from funding_platform.execution.pair.pairs import InstrumentRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The market and its opportunities, as somebody has seen them.

    Parameters
    ----------
    instruments
        Columns of ``market.MARKET``: those of the opportunities, and those that are held as far as
        they are listed.
    opportunities
        Those that pass the filter of the configuration, in its order: columns of
        ``marts.opportunities``.
    opportunities_at
        When the newest of all was observed, whether it passes or not; None where there are none.
    rates, features
        As in ``LatestMarket``.
    untraded
        Legs of the opportunities that are of a kind which is not traded: their contract type.
    """

    instruments: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=MARKET))
    opportunities: pl.DataFrame = field(default_factory=OPPORTUNITIES.empty)
    opportunities_at: datetime | None = None
    rates: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=RATES))
    features: pl.DataFrame | None = None
    untraded: Mapping[InstrumentRef, str] = field(default_factory=dict)


class MarketSource(Protocol):
    """Sees the market. It may read files and wait for locks: it is asked in a thread."""

    def look(self, held: Sequence[InstrumentRef]) -> Sight:
        """Return the market as it is now, what is held included.

        Raises
        ------
        FundingError
            If nothing can be seen, with the reason.
        """


@dataclass(slots=True)
class GivenMarket:
    """Sees what it is given; whoever gives it may give something else before the next look."""

    sight: Sight

    def look(self, held: Iterable[InstrumentRef]) -> Sight:
        """Return it."""
        return self.sight
