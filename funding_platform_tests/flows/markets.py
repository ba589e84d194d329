"""Markets that lose settlements on purpose, for a sandbox to serve."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import numpy as np

from funding_platform.core.time_grid import from_ms
from funding_platform.sandbox.markets.market import Instrument, Market, Quote, SpotMarket
from funding_platform.sandbox.markets.series import (
    Candles,
    OpenInterest,
    PriceKind,
    Settlements,
    Span,
)

Loses = Callable[[str, datetime], bool]
"""Whether a venue lacks the settlement of a symbol at a time."""


class LossyMarket:
    """A market without some settlements: the first few looks at them, or for good.

    Parameters
    ----------
    whole
        The market behind it.
    """

    def __init__(self, whole: Market) -> None:
        self._whole = whole
        self._loses: Loses | None = None
        self._looks_left: int | None = None
        self.looks: list[str] = []

    def lose(self, loses: Loses | None, *, looks: int | None = None) -> None:
        """Lose what ``loses`` says, in the first ``looks`` at each symbol, or from now on."""
        self._loses, self._looks_left = loses, looks
        self.looks = []

    def now_ms(self) -> int:
        return self._whole.now_ms()

    def instruments(self, venue: str) -> Sequence[Instrument]:
        return self._whole.instruments(venue)

    def quotes(self, venue: str) -> Mapping[str, Quote]:
        return self._whole.quotes(venue)

    def candles(
        self, venue: str, venue_symbol: str, kind: PriceKind, span: Span, decimals: int
    ) -> Candles:
        return self._whole.candles(venue, venue_symbol, kind, span, decimals)

    def open_interest(
        self, venue: str, venue_symbol: str, step_ms: int, span: Span
    ) -> OpenInterest:
        return self._whole.open_interest(venue, venue_symbol, step_ms, span)

    def spot_markets(self, venue: str) -> Sequence[SpotMarket]:
        return self._whole.spot_markets(venue)

    def spot_candles(self, venue: str, venue_symbol: str, span: Span, decimals: int) -> Candles:
        return self._whole.spot_candles(venue, venue_symbol, span, decimals)

    def settlements(self, venue: str, venue_symbol: str) -> Settlements:
        rows = self._whole.settlements(venue, venue_symbol)
        self.looks.append(venue_symbol)
        healed = self._looks_left is not None and self.looks.count(venue_symbol) > self._looks_left
        if self._loses is None or healed:
            return rows
        times = (from_ms(int(time)) for time in rows.times_ms)
        return _picked(rows, (not self._loses(venue_symbol, time) for time in times))


def _picked(rows: Settlements, kept: Iterable[bool]) -> Settlements:
    """The rows for which ``kept`` is true."""
    mask = np.fromiter(kept, dtype=bool, count=len(rows.times_ms))
    marks = None if rows.marks is None else rows.marks[mask]
    return Settlements(rows.times_ms[mask], rows.rates[mask], marks)
