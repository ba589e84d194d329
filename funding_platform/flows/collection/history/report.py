"""What a backfill brought: rows, and by name what it did not bring."""

from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from funding_platform.core.completeness import SCHEMA, SILENT, STOPPED
from funding_platform.core.errors import FundingError
from funding_platform.core.tables.collected import FUNDING_RATES
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import Window
from funding_platform.core.units import apr
from funding_platform.flows.collection.history.gap_filling import Completed, named
from funding_platform.flows.collection.history.hour_gaps import CompletedHours
from funding_platform.flows.errors import MissingSettlementsError
from funding_platform.venues.parsing.history import Coverage
from funding_platform.venues.parsing.plausibility import settled_at_rest

COMPLETE_SHARE = 0.99
"""Below this share of what was due a venue's history counts as incomplete."""

PREVIEW_ROWS = 8
"""Rows that are shown of what was read last."""

DAILY = pl.Schema(
    {"day": pl.Date(), "low": pl.Float64(), "median": pl.Float64(), "high": pl.Float64()}
)
"""How the rates of a day were distributed: first, fifth and ninth decile, as fractions a year."""

MAX_NAMED_SYMBOLS = 20
"""So many incomplete symbols are named in the log; `funding coverage --gaps` names all."""


@dataclass(slots=True)
class HistoryReport:
    """What a backfill stored of one table, and the proof that it is whole.

    ``missing_settlements`` are those that were due and are not there after a second look, as in
    ``core.completeness``; ``outages`` the hours in which the venue settled nothing, ``recovered``
    the settlements that only the second look brought. ``vanished`` are symbols that the lake has
    settlements of and the venue returned none. Of candles and open interest a settlement is an
    hour, of each kind.
    """

    venue: str
    window: Window
    table: Table = FUNDING_RATES
    rows: int = 0
    requests: int = 0
    rows_by_month: dict[str, int] = field(default_factory=dict)
    coverage: dict[str, list[Coverage]] = field(default_factory=dict)
    failures: dict[str, FundingError] = field(default_factory=dict)
    vanished: list[str] = field(default_factory=list)
    missing_settlements: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SCHEMA))
    outages: list[datetime] = field(default_factory=list)
    recovered: int = 0
    trouble: list[FundingError] = field(default_factory=list)
    preview: pl.DataFrame = field(default_factory=pl.DataFrame)
    rates: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.Float64))
    daily: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=DAILY))
    first_time: datetime | None = None
    last_time: datetime | None = None

    def add(self, part: Completed | CompletedHours) -> None:
        """Take in one stretch of the window."""
        frame = part.history.frame
        self.rows += frame.height
        if self.table is FUNDING_RATES:
            self.rates = pl.concat([self.rates, frame["funding_rate"]])
            self.daily = pl.concat([self.daily, _by_day(frame)])
        self.preview = some_rows(frame, PREVIEW_ROWS)
        time = self.table.key[-1]
        self._stretch_to(frame[time])
        by_month = frame.group_by(pl.col(time).dt.strftime("%Y-%m-01")).len()
        for month, rows in by_month.iter_rows():
            self.rows_by_month[month] = self.rows_by_month.get(month, 0) + rows
        self.failures.update(part.history.failures)
        for symbol, coverage in part.history.coverage.items():
            self.coverage.setdefault(symbol, []).append(coverage)
        self.missing_settlements = pl.concat([self.missing_settlements, part.missing])
        self.outages.extend(part.outages)
        self.recovered += part.recovered
        self.trouble.extend([*part.history.left_out, *part.trouble])

    def _stretch_to(self, times: pl.Series) -> None:
        """Widen the time range to what was read last."""
        ends = [self.first_time, self.last_time, times.min(), times.max()]
        known = [end for end in ends if isinstance(end, datetime)]
        self.first_time, self.last_time = min(known, default=None), max(known, default=None)

    @property
    def expected(self) -> int:
        """Settlements that were due: those read and those missing."""
        return self.rows + self.missing_settlements.height

    @property
    def missing(self) -> dict[str, int]:
        """How many settlements are missing, for the symbols that lack any."""
        counted = self.missing_settlements.group_by("venue_symbol").len().sort("venue_symbol")
        return dict(counted.iter_rows())

    @property
    def stopped(self) -> list[str]:
        """Symbols that trade and no longer settle, or never did."""
        ended = pl.col("kind").is_in([STOPPED, SILENT])
        return self.missing_settlements.filter(ended)["venue_symbol"].unique().sort().to_list()

    @property
    def unproven(self) -> list[str]:
        """Symbols of which the venue may once have had more than it keeps."""
        return [s for s, parts in self.coverage.items() if not all(part.proven for part in parts)]

    @property
    def coverage_share(self) -> float:
        """Settlements present over settlements expected."""
        return self.rows / self.expected if self.expected else 1.0

    def sound_with(self, part: Completed | CompletedHours) -> bool:
        """Tell whether nothing is missing or in doubt, up to and with one more stretch."""
        history = part.history
        doubts = (self.failures, self.warnings(), history.failures, history.left_out, part.trouble)
        return not any(doubts) and part.missing.is_empty()

    @property
    def complete(self) -> bool:
        """Whether every symbol was read to the end, and nearly all that was due is there."""
        return (
            not self.failures
            and not self.unproven
            and not self.vanished
            and not self.stopped
            and self.coverage_share >= COMPLETE_SHARE
        )

    def warnings(self) -> list[FundingError]:
        """List what the log should tell of a history that is not whole."""
        doubts = self.trouble + self._at_rest()
        if self.missing_settlements.is_empty():
            return doubts
        first = named(self.missing_settlements, MAX_NAMED_SYMBOLS)
        lost = MissingSettlementsError(
            f"{self.venue} {self.window}: {self.missing_settlements.height} {self.what} of "
            f"{len(self.missing)} symbols are missing after a second look:\n  "
            + "\n  ".join(f"{symbol}: {what}" for symbol, what in first.items())
        )
        return [lost, *doubts]

    @property
    def what(self) -> str:
        """What is counted, in words."""
        return "settlements" if self.table is FUNDING_RATES else f"hours of {self.table.name}"

    def _at_rest(self) -> list[FundingError]:
        """Report that all markets settled at 0 throughout, if they did."""
        if self.table is not FUNDING_RATES:
            return []
        settled = {symbol for symbol, parts in self.coverage.items() if any(p.rows for p in parts)}
        return [*settled_at_rest(self.venue, self.rates, len(settled))]


def some_rows(frame: pl.DataFrame, count: int) -> pl.DataFrame:
    """Return so many rows of all parts of a frame: its first ones are those of one symbol."""
    return frame.gather_every(max(1, frame.height // count)).head(count)


def _by_day(settlements: pl.DataFrame) -> pl.DataFrame:
    """Return ``DAILY`` of one stretch: stretches share no day."""
    yearly = apr(pl.col("funding_rate"), pl.col("interval_hours"))
    return (
        settlements.group_by(day=pl.col("funding_time").dt.date())
        .agg(
            low=yearly.quantile(0.1, "linear"),
            median=yearly.median(),
            high=yearly.quantile(0.9, "linear"),
        )
        .sort("day")
        .cast(DAILY)
    )
