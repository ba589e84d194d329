"""One made-up venue: its contracts, and the formulas of ``synthetic``."""

from collections.abc import Collection, Iterable
from functools import partial

import numpy as np
import numpy.typing as npt

from funding_platform.core.time_grid import HOUR_MS
from funding_platform.sandbox.markets.deals import activity, quoted, spot_price, traded
from funding_platform.sandbox.markets.market import Instrument, Quote, VenueStyle
from funding_platform.sandbox.markets.noise import (
    Bits,
    bell,
    draw,
    draw_each,
    key,
    uniform,
    value_noise,
)
from funding_platform.sandbox.markets.series import (
    Candles,
    OpenInterest,
    PriceKind,
    Settlements,
    Span,
    Times,
    Values,
)
from funding_platform.sandbox.markets.synthetic_spot import SyntheticSpot
from funding_platform.sandbox.markets.traits import Named, Traits
from funding_platform.sandbox.markets.universe import listings

_INTEREST_8H = 0.0001
_SIZE_DECIMALS = 4
_DAMPING = 0.0005
_COMMON = ((6.0, 0.00005), (60.0, 0.0001), (500.0, 0.00015))
_COIN = ((5.0, 0.00008), (40.0, 0.00015), (300.0, 0.0002))
_CONTRACT = ((2.0, 0.00005), (16.0, 0.00006), (160.0, 0.00005))
_REGIMES = np.array([-0.0006, -0.0002, -0.0002, 0.0, 0.0003, 0.0008])
_REGIME_HOURS = 17 * 24
_SPIKE_HOURS = 120
_OUTAGES = 6
_OUTAGE_SPAN_DAYS = 1_500


class SyntheticVenue:
    """One venue's contracts and formulas. Times are hours since the epoch, fractions included."""

    def __init__(
        self,
        style: VenueStyle,
        seed: int,
        symbols: int,
        start_ms: int,
        namesakes: Collection[str] = (),
    ) -> None:
        self.style = style
        listed = listings(style, seed, symbols, start_ms, namesakes)
        self.instruments = [instrument for _, instrument in listed]
        self.positions = {i.venue_symbol: at for at, i in enumerate(self.instruments)}
        contracts = [Named(coin, i.venue_symbol, i.contract.base, i.rate_cap) for coin, i in listed]
        self.traits = Traits.of(seed, style.venue, contracts)
        self.spot = SyntheticSpot(style, seed, [coin for coin, _ in listed], start_ms)
        self._common_key = key(seed, "common factor")
        outage_key = key(seed, "outages", style.venue)
        self._outage_start = start_ms // HOUR_MS + np.floor(
            uniform(draw(outage_key, np.arange(_OUTAGES))) * _OUTAGE_SPAN_DAYS * 24
        )
        self._outage_hours = 1 + np.floor(4 * uniform(draw(outage_key, np.arange(_OUTAGES) + 99)))

    def premium(self, traits: Traits, hours: Values) -> Values:
        """Compute the premium in units of the 8-hour rate."""
        regime = draw_each(self._common_key, np.floor(hours / _REGIME_HOURS))
        regime = regime % np.uint64(len(_REGIMES))
        common = _REGIMES[regime] + value_noise(self._common_key, hours, _COMMON)
        own = value_noise(traits.own_key, hours, _CONTRACT)
        coin = value_noise(traits.coin_key, hours, _COIN)
        spikes = traits.response * _spikes(traits.coin_key, hours)
        return np.asarray(traits.beta * common + coin + traits.bias + own + spikes)

    def rate(self, traits: Traits, hours: Values, interval: npt.NDArray[np.int64]) -> Values:
        """Compute the rate per interval, as the venue publishes it."""
        premium = self.premium(traits, hours)
        rate_8h = premium + np.clip(_INTEREST_8H - premium, -_DAMPING, _DAMPING)
        rate = np.clip(rate_8h * interval / 8, -traits.cap, traits.cap)
        return np.round(rate, self.style.rate_decimals) + 0.0

    def index(self, traits: Traits, hours: Values) -> Values:
        """Compute the index in the quote currency, the same on every venue up to a basis point."""
        return spot_price(traits, hours)

    def settlements(self, position: int, until_ms: int) -> Settlements:
        """Compute every settlement of a contract from its listing to a moment or its delisting."""
        instrument = self.instruments[position]
        traits = self.traits.only(position)
        hours, interval = _settlement_hours(instrument, until_ms)
        since = hours[:, None] - self._outage_start
        lost = ((since >= 0) & (since < self._outage_hours)).any(axis=1)
        hours, interval = hours[~lost], interval[~lost]
        at = hours.astype(np.float64)
        marks = np.round(self.mark(traits, at), 8) if self.style.marks_settlements else None
        low, high = self.style.jitter_ms
        late = draw(traits.own_key ^ np.uint64(5), hours) % np.uint64(high - low + 1)
        times = hours * HOUR_MS + low + late.astype(np.int64)
        return Settlements(times, self.rate(traits, at, interval), marks)

    def mark(self, traits: Traits, hours: Values) -> Values:
        """Compute the mark price: the index with a part of the premium."""
        return self.index(traits, hours) * (1 + 0.5 * self.premium(traits, hours))

    def quotes(self, now_ms: int) -> dict[str, Quote]:
        """Quote the contracts that trade now."""
        open_now = np.array([i.trades_at(now_ms) for i in self.instruments])
        now = np.full(len(open_now), now_ms / HOUR_MS)
        # A trading contract was listed before now, so an interval is in force.
        interval = np.array([i.interval_at(now_ms) or 1 for i in self.instruments])
        last = (np.floor(now / interval) * interval).astype(np.int64)
        mark = self.mark(self.traits, now)
        volume = self.traits.turnover_usd * activity(self.traits, now) / mark
        columns = (
            self.rate(self.traits, now, interval),
            interval,
            (last + interval) * HOUR_MS,
            self.rate(self.traits, last.astype(np.float64), interval),
            last * HOUR_MS,
            self.premium(self.traits, now),
            mark,
            self.index(self.traits, now),
            self.mark(self.traits, now - 24),
            _held(self.traits, volume),
            volume,
            *self._book(mark, volume),
            *([self._paid_8h(now)] if self.style.accrues else []),
        )
        rows = zip(self.instruments, *(np.asarray(c).tolist() for c in columns), strict=True)
        return {
            row[0].venue_symbol: Quote(*row)
            for row, trades in zip(rows, open_now, strict=True)
            if trades
        }

    def _paid_8h(self, now: Values) -> Values:
        """Compute what the eight hours up to now paid: seven whole, parts of the first and last."""
        hourly = np.ones(len(now), dtype=np.int64)
        under_way = now - np.floor(now)
        paid = under_way * self.rate(self.traits, now, hourly)
        for back in range(8):
            share = 1.0 if back < 7 else 1.0 - under_way
            paid += share * self.rate(self.traits, np.floor(now) - back, hourly)
        return paid

    def _book(self, mark: Values, volume: Values) -> Iterable[Values]:
        """Make best bid and ask around the mark, on the tick, and their sizes."""
        tick = np.array([instrument.tick_size for instrument in self.instruments])
        half = (0.00002 + 0.0003 * uniform(draw(self.traits.own_key, 11))) * mark
        bid = np.floor((mark - half) / tick) * tick
        ask = np.maximum(np.ceil((mark + half) / tick) * tick, bid + tick)
        return bid, ask, volume * 0.00002, volume * 0.00003

    def candles(
        self, position: int, kind: PriceKind, span: Span, now_ms: int, decimals: int
    ) -> Candles:
        """Make bars of one contract; the mark is what deals are made at, too."""
        instrument, traits = self.instruments[position], self.traits.only(position)
        last_ms = now_ms if instrument.delisted_ms is None else instrument.delisted_ms - 1
        opens_ms = span.on_grid(instrument.listed_ms, min(now_ms, last_ms), HOUR_MS)
        now = now_ms / HOUR_MS
        if kind == "trade":
            return traded(partial(self.mark, traits), traits, opens_ms, now, decimals)
        price = partial(self.index if kind == "index" else self.mark, traits)
        return quoted(price, traits, opens_ms, now, decimals)

    def open_interest(self, position: int, step_ms: int, span: Span, now_ms: int) -> OpenInterest:
        """Compute open interest at multiples of a step, as the quotes then showed it."""
        instrument, traits = self.instruments[position], self.traits.only(position)
        last_ms = now_ms if instrument.delisted_ms is None else instrument.delisted_ms - 1
        times = span.on_grid(instrument.listed_ms, min(now_ms, last_ms), step_ms)
        hours = times / HOUR_MS
        value = _held(traits, traits.turnover_usd * activity(traits, hours))
        base = value / self.mark(traits, hours)
        return OpenInterest(times, np.round(base, _SIZE_DECIMALS), np.round(value, _SIZE_DECIMALS))


def _settlement_hours(
    instrument: Instrument, until_ms: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Find the hours since the epoch at which a contract settles, and the intervals that end."""
    end_ms = min(until_ms, instrument.delisted_ms or until_ms)
    bounds = [since for since, _ in instrument.intervals[1:]] + [end_ms]
    parts: list[Times] = []
    lengths: list[npt.NDArray[np.int64]] = []
    for (since, hours), until in zip(instrument.intervals, bounds, strict=True):
        first = since // HOUR_MS // hours * hours + hours
        part = np.arange(first, min(until, end_ms) // HOUR_MS + 1, hours, dtype=np.int64)
        parts.append(part)
        lengths.append(np.full(len(part), hours, dtype=np.int64))
    return np.concatenate(parts), np.concatenate(lengths)


def _spikes(coin_key: Bits, hours: Values) -> Values:
    """Compute rare bursts, up to some percent either way, that fade within two days."""
    total = np.zeros(np.broadcast(coin_key, hours).shape)
    block = np.floor(hours / _SPIKE_HOURS)
    for start in (block - 1, block):
        begins, size = _bursts(coin_key, start)
        age = hours - start * _SPIKE_HOURS - begins
        fading = size * np.exp(-np.maximum(age, 0) / 12)
        total += np.where((size != 0) & (age >= 0), fading, 0.0)
    return total


def _bursts(coin_key: Bits, blocks: Values) -> tuple[Values, Values]:
    """Draw when within each block a burst begins, and its size, 0 in most; each block once."""
    known, at = np.unique(blocks, return_inverse=True) if coin_key.size == 1 else (blocks, ...)
    bits = draw(coin_key ^ np.uint64(0x5B1CE), known)
    begins = np.floor(uniform(bits) * _SPIKE_HOURS)
    size = 0.002 / (0.05 + uniform(draw(bits, 1))) * np.sign(bell(draw(bits, 2)))
    size = np.where(uniform(draw(bits, 3)) < 0.04, size, 0.0)
    return begins[at], size[at]


def _held(traits: Traits, traded_a_day: Values) -> Values:
    """Compute open interest: a share of the day's volume that each contract has of its own."""
    return np.asarray(traded_a_day * (0.3 + uniform(draw(traits.own_key, 10))))
