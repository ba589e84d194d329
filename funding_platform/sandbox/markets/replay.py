"""A market replayed from a folder of CSV files: exactly these rows, and nothing invented.

Every file below ``funding/<venue>`` is one contract, listed since its first row and trading until
now. The quote is what the files let one know: the predicted rate is the last settled one, the mark
the last known price, the interval the one stated or else the last spacing between rows. Its bars
are those of ``prices/<venue>``: of deals ``<symbol>_1h``, of mark and index ``<symbol>-mark_1h``
and ``<symbol>-index_1h``. A file of ``prices/<venue>_spot`` is a spot market. The day's volume and
the book are unknown, and so is what the volume of a bar is worth in the quote.

Contract facts that every venue must print are derived: the tick is the finest digit of the last
hundred prices in the files (0.0001 where there are none), size step and contract size are 1.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from funding_platform.core.time_grid import HOUR_MS
from funding_platform.sandbox.errors import ReplayError
from funding_platform.sandbox.markets.csv_files import (
    FundingFile,
    Prices,
    csv_files,
    read_funding,
    read_open_interest,
    read_prices,
)
from funding_platform.sandbox.markets.market import Instrument, Quote, SpotMarket, VenueStyle
from funding_platform.sandbox.markets.series import (
    NO_CANDLES,
    Candles,
    OpenInterest,
    PriceKind,
    Settlements,
    Span,
    Times,
)
from funding_platform.sandbox.wire.decimals import decimals_of
from funding_platform.sandbox.wire.paging import newest, oldest, within

_LOG = logging.getLogger(__name__)

_TICK = 0.0001
_RECENT = 100
_SIZE_STEP = 1.0
_CONTRACT_SIZE = 1.0
_LONGEST_INTERVAL_HOURS = 24
_ENDINGS: Final[Mapping[PriceKind, str]] = {"trade": "", "mark": "-mark", "index": "-index"}
"""What the names of price files end in, after the symbol and before the length."""


@dataclass(frozen=True, slots=True)
class _Series:
    """One replayed contract."""

    instrument: Instrument
    settlements: Settlements
    marks: Prices | None
    index: Prices | None
    candles: Mapping[PriceKind, Candles]
    open_interest: OpenInterest


@dataclass(frozen=True, slots=True)
class _Spot:
    """One replayed spot market."""

    market: SpotMarket
    candles: Candles


class ReplayMarket:
    """The contracts of a folder in the form ``funding/<venue>/<symbol>.csv[.gz]``.

    Folders of venues that have no style are left out, with a line in the log; so are files in the
    form ``<symbol>.<figure>.csv[.gz]``, which hold some other series of the contract.

    Parameters
    ----------
    folder
        The folder that holds ``funding`` and, optionally, ``prices`` and ``open_interest``.
    styles
        The venues that the sandbox speaks for.
    clock
        The present, in milliseconds. Rows after it do not show.

    Raises
    ------
    ReplayError
        If there is nothing to replay, or a file is malformed (names file and line).
    """

    def __init__(
        self, folder: Path, styles: Iterable[VenueStyle], *, clock: Callable[[], int]
    ) -> None:
        self._clock = clock
        known = {style.venue: style for style in styles}
        venues = sorted(path for path in folder.glob("funding/*") if path.is_dir())
        self._venues: dict[str, dict[str, _Series]] = {}
        self._spot = {venue: _load_spot(folder, style) for venue, style in known.items()}
        for path in venues:
            if path.name not in known:
                _LOG.warning("%s is left out: the sandbox does not speak its format", path)
                continue
            self._venues[path.name] = _load(folder, known[path.name])
        if not any(self._venues.values()):
            raise ReplayError(
                f"{folder} has nothing to replay",
                hint=f"put CSV files below funding/<venue>, one of {', '.join(known)}",
            )

    def now_ms(self) -> int:
        """Tell the market's present."""
        return self._clock()

    def instruments(self, venue: str) -> Sequence[Instrument]:
        """List every contract whose first settlement has happened."""
        now = self.now_ms()
        series = self._venues.get(venue, {}).values()
        return [s.instrument for s in series if s.instrument.listed_ms <= now]

    def settlements(self, venue: str, venue_symbol: str) -> Settlements:
        """Return the rows of a contract's file up to now."""
        return self._venues[venue][venue_symbol].settlements.until(self.now_ms())

    def quotes(self, venue: str) -> Mapping[str, Quote]:
        """Return what the files tell about now, per contract."""
        now = self.now_ms()
        return {
            symbol: _quote(series, now)
            for symbol, series in self._venues.get(venue, {}).items()
            if series.instrument.listed_ms <= now
        }

    def candles(
        self, venue: str, venue_symbol: str, kind: PriceKind, span: Span, decimals: int
    ) -> Candles:
        """Return the bars of a contract's file that have ended by now."""
        known = self._venues[venue][venue_symbol].candles.get(kind, NO_CANDLES)
        return _ended(known, span, self.now_ms())

    def open_interest(
        self, venue: str, venue_symbol: str, step_ms: int, span: Span
    ) -> OpenInterest:
        """Return the rows of a contract's file up to now that lie on the step."""
        held = self._venues[venue][venue_symbol].open_interest
        held = held.slice(held.times_ms % step_ms == 0)
        return held.slice(_rows(held.times_ms, span, self.now_ms()))

    def spot_markets(self, venue: str) -> Sequence[SpotMarket]:
        """List every spot market whose first bar has begun."""
        now = self.now_ms()
        markets = (spot.market for spot in self._spot.get(venue, {}).values())
        return [market for market in markets if market.listed_ms <= now]

    def spot_candles(self, venue: str, venue_symbol: str, span: Span, decimals: int) -> Candles:
        """Return the bars of a spot market's file that have ended by now."""
        return _ended(self._spot[venue][venue_symbol].candles, span, self.now_ms())


def _ended(candles: Candles, span: Span, now_ms: int) -> Candles:
    return candles.slice(_rows(candles.opens_ms, span, now_ms - HOUR_MS))


def _rows(times: Times, span: Span, last_ms: int) -> slice:
    end = last_ms if span.end_ms is None else min(span.end_ms, last_ms)
    take = newest if span.newest else oldest
    return take(times, span.start_ms, end, span.limit)


def _load_spot(folder: Path, style: VenueStyle) -> dict[str, _Spot]:
    """Load the spot markets of a venue: files of hourly bars."""
    if style.spot is None:
        return {}
    prices, loaded = folder / "prices" / f"{style.venue}_spot", {}
    for name in csv_files(prices):
        symbol, _, length = name.rpartition("_")
        read = style.spot.read(symbol) if length == "1h" else None
        file = None if read is None else read_prices(prices, symbol)
        if read is not None and file is not None and len(file.candles.opens_ms):
            listed = int(file.candles.opens_ms[0])
            market = SpotMarket(symbol, *read, _tick(file.closes, None), _SIZE_STEP, listed)
            loaded[symbol] = _Spot(market, file.candles)
    return loaded


def _load(root: Path, style: VenueStyle) -> dict[str, _Series]:
    folder = root / "funding" / style.venue
    prices, interest = root / "prices" / style.venue, root / "open_interest" / style.venue
    loaded: dict[str, _Series] = {}
    for symbol, path in csv_files(folder).items():
        if "." in symbol:
            _LOG.warning("%s is left out: it holds another figure than the settled rate", path)
            continue
        contract = style.read(symbol)
        if contract is None:
            raise ReplayError(
                f"{path}: {symbol!r} is no perpetual contract of {style.venue}",
                hint="name the file after the venue's own symbol",
            )
        file = read_funding(path)
        files = {kind: read_prices(prices, symbol + ending) for kind, ending in _ENDINGS.items()}
        closes = {kind: found.closes for kind, found in files.items() if found is not None}
        marks = closes.get("mark", closes.get("trade"))
        instrument = Instrument(
            venue_symbol=symbol,
            contract=contract,
            contract_size=_CONTRACT_SIZE,
            tick_size=_tick(marks, file.settlements),
            size_step=_SIZE_STEP,
            rate_cap=style.rate_cap,
            listed_ms=int(file.settlements.times_ms[0]),
            intervals=_intervals(file),
        )
        loaded[symbol] = _Series(
            instrument,
            file.settlements,
            marks,
            closes.get("index"),
            {kind: found.candles for kind, found in files.items() if found is not None},
            read_open_interest(interest, symbol, contract),
        )
    return loaded


def _intervals(file: FundingFile) -> tuple[tuple[int, int], ...]:
    """Derive the interval's history: as stated, else the spacing before each row in whole hours."""
    times = file.settlements.times_ms
    gaps = np.round(np.diff(times, prepend=np.nan) / HOUR_MS)
    gaps[(gaps < 1) | (gaps > _LONGEST_INTERVAL_HOURS)] = np.nan
    hours = np.where(np.isnan(file.intervals), gaps, file.intervals)
    history: list[tuple[int, int]] = []
    for time, length in zip(times.tolist(), hours.tolist(), strict=True):
        if length == length and (not history or history[-1][1] != length):
            history.append((time, int(length)))
    return tuple(history)


def _quote(series: _Series, now_ms: int) -> Quote:
    """Quote a listed contract as the files show it at a moment."""
    instrument, history = series.instrument, series.settlements.until(now_ms)
    hours = instrument.interval_at(now_ms)
    interval_ms = None if hours is None else hours * HOUR_MS
    upcoming = None if interval_ms is None else (now_ms // interval_ms + 1) * interval_ms
    last = float(history.rates[-1])
    return Quote(
        instrument=instrument,
        predicted_rate=last,
        interval_hours=hours,
        next_funding_ms=upcoming,
        last_rate=last,
        last_funding_ms=int(history.times_ms[-1]),
        mark=_last_price(series.marks, history, now_ms),
        index=_last_price(series.index, None, now_ms),
        paid_8h=_paid_8h(history, now_ms) if hours == 1 else None,
    )


def _paid_8h(history: Settlements, now_ms: int) -> float:
    """Compute what the eight hours up to now paid, the hour under way at the last rate."""
    since = history.times_ms[-8:] - (now_ms - 8 * HOUR_MS)
    under_way = min(1.0, (now_ms - int(history.times_ms[-1])) / HOUR_MS)
    paid = history.rates[-8:] @ np.clip(since / HOUR_MS, 0.0, 1.0)
    return float(paid + under_way * history.rates[-1])


def _tick(prices: Prices | None, history: Settlements | None) -> float:
    closes = [] if prices is None else prices.prices[-_RECENT:].tolist()
    known_marks = None if history is None else history.marks
    marks = [] if known_marks is None else known_marks[-_RECENT:].tolist()
    known = [price for price in (*closes, *marks) if price == price]
    return 10.0 ** -max(map(decimals_of, known)) if known else _TICK


def _last_price(prices: Prices | None, history: Settlements | None, now_ms: int) -> float | None:
    """Find the later of the last candle's close and the last mark price of a settlement."""
    known: list[tuple[int, float]] = []
    if prices is not None:
        closed = within(prices.known_ms, None, now_ms)[1]
        if closed:
            known.append((int(prices.known_ms[closed - 1]), float(prices.prices[closed - 1])))
    if history is not None and history.marks is not None:
        marked = np.flatnonzero(~np.isnan(history.marks))
        if len(marked):
            row = int(marked[-1])
            known.append((int(history.times_ms[row]), float(history.marks[row])))
    return max(known)[1] if known else None
