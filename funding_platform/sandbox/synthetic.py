"""A made-up market with the features of the real one, every value a function of (seed, time).

The premium of a contract, in units of the 8-hour rate, is

    premium = beta * common + coin + venue bias + contract noise + spikes

where ``common`` moves between regimes that last some weeks, and ``coin`` and ``spikes`` are shared
by all venues. The rate follows from it the way venues compute it:

    rate_8h = premium + clip(interest - premium, -0.0005, 0.0005),   interest = 0.0001
    rate    = clip(rate_8h * interval / 8, -cap, cap)

so that quiet markets cluster at 0.0001 per 8 hours, and extremes rest on the cap. Histories are
computed when first asked for, per contract, and kept as arrays.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from funding_platform.core.symbols import canonical_base
from funding_platform.core.time_grid import DAY_MS, HOUR_MS, to_ms
from funding_platform.sandbox.market import (
    Instrument,
    Quote,
    Settlements,
    Times,
    Values,
    VenueStyle,
)
from funding_platform.sandbox.noise import Bits, bell, draw, key, keys, uniform, value_noise
from funding_platform.sandbox.universe import Coin, listings

MARKET_START = datetime(2023, 1, 1, tzinfo=UTC)

_INTEREST_8H = 0.0001
_DAMPING = 0.0005
_COMMON = ((6.0, 0.00005), (60.0, 0.0001), (500.0, 0.00015))
_COIN = ((5.0, 0.00008), (40.0, 0.00015), (300.0, 0.0002))
_CONTRACT = ((2.0, 0.00005), (16.0, 0.00006), (160.0, 0.00005))
_REGIMES = np.array([-0.0006, -0.0002, -0.0002, 0.0, 0.0003, 0.0008])
_REGIME_HOURS = 17 * 24
_SPIKE_HOURS = 120
_PRICE = ((2.0, 0.003), (12.0, 0.008), (72.0, 0.02), (430.0, 0.06), (2_600.0, 0.15), (8_760.0, 0.3))
_ACTIVITY = ((12.0, 0.15), (200.0, 0.3))
_OUTAGES = 6
_OUTAGE_SPAN_DAYS = 1_500


@dataclass(frozen=True, slots=True)
class _Traits:
    """What tells contracts apart, one array element each; sliced for a single contract."""

    coin_key: Bits
    own_key: Bits
    beta: Values
    bias: Values
    response: Values
    cap: Values
    price: Values
    turnover_usd: Values

    @classmethod
    def of(cls, seed: int, venue: str, listed: Sequence[tuple[Coin, Instrument]]) -> "_Traits":
        coin_key = keys(seed, ["coin"] * len(listed), [coin.name for coin, _ in listed])
        names = [instrument.venue_symbol for _, instrument in listed]
        own_key = keys(seed, [venue] * len(listed), names)
        multiplier = [canonical_base(i.contract.base).multiplier for _, i in listed]
        rank = np.array([coin.rank for coin, _ in listed])
        return cls(
            coin_key=coin_key,
            own_key=own_key,
            beta=0.6 + 0.8 * uniform(draw(coin_key, 1)),
            bias=0.0001 * bell(draw(key(seed, "bias", venue), 0))
            + 0.00003 * bell(draw(own_key, 2)),
            response=0.6 + 0.8 * uniform(draw(own_key, 3)),
            cap=np.array([instrument.rate_cap for _, instrument in listed]),
            price=np.array([coin.price for coin, _ in listed]) * np.array(multiplier),
            turnover_usd=5e9 / (1 + rank) ** 1.1 * (0.4 + uniform(draw(own_key, 4))),
        )

    def only(self, position: int) -> "_Traits":
        """Return the traits of one contract, as arrays of length one."""
        fields = (getattr(self, name) for name in self.__dataclass_fields__)
        return _Traits(*(values[position : position + 1] for values in fields))


class _Venue:
    """One venue's contracts and formulas. Times are hours since the epoch, fractions included."""

    def __init__(self, style: VenueStyle, seed: int, symbols: int, start_ms: int) -> None:
        self.style = style
        listed = listings(style, seed, symbols, start_ms)
        self.instruments = [instrument for _, instrument in listed]
        self.positions = {i.venue_symbol: at for at, i in enumerate(self.instruments)}
        self.traits = _Traits.of(seed, style.venue, listed)
        self._common_key = key(seed, "common factor")
        outage_key = key(seed, "outages", style.venue)
        self._outage_start = start_ms // HOUR_MS + np.floor(
            uniform(draw(outage_key, np.arange(_OUTAGES))) * _OUTAGE_SPAN_DAYS * 24
        )
        self._outage_hours = 1 + np.floor(4 * uniform(draw(outage_key, np.arange(_OUTAGES) + 99)))

    def premium(self, traits: _Traits, hours: Values) -> Values:
        """Compute the premium in units of the 8-hour rate."""
        regime = draw(self._common_key, np.floor(hours / _REGIME_HOURS)) % np.uint64(len(_REGIMES))
        common = _REGIMES[regime] + value_noise(self._common_key, hours, _COMMON)
        own = value_noise(traits.own_key, hours, _CONTRACT)
        coin = value_noise(traits.coin_key, hours, _COIN)
        spikes = traits.response * _spikes(traits.coin_key, hours)
        return np.asarray(traits.beta * common + coin + traits.bias + own + spikes)

    def rate(self, traits: _Traits, hours: Values, interval: npt.NDArray[np.int64]) -> Values:
        """Compute the rate per interval, as the venue publishes it."""
        premium = self.premium(traits, hours)
        rate_8h = premium + np.clip(_INTEREST_8H - premium, -_DAMPING, _DAMPING)
        rate = np.clip(rate_8h * interval / 8, -traits.cap, traits.cap)
        return np.round(rate, self.style.rate_decimals) + 0.0

    def index(self, traits: _Traits, hours: Values) -> Values:
        """Compute the index in the quote currency, the same on every venue up to a basis point."""
        drift = value_noise(draw(traits.coin_key, 7), hours, _PRICE)
        near = value_noise(draw(traits.own_key, 8), hours, ((1.0, 0.00004),))
        return np.asarray(traits.price * np.exp(drift + near))

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

    def mark(self, traits: _Traits, hours: Values) -> Values:
        """Compute the mark price: the index with a part of the premium."""
        return self.index(traits, hours) * (1 + 0.5 * self.premium(traits, hours))

    def quotes(self, now_ms: int) -> dict[str, Quote]:
        """Quote the contracts that trade now."""
        open_now = np.array([i.trades_at(now_ms) for i in self.instruments])
        now = np.full(len(open_now), now_ms / HOUR_MS)
        # A trading contract was listed before now, so an interval is in force.
        interval = np.array([i.interval_at(now_ms) or 1 for i in self.instruments])
        last = (np.floor(now / interval) * interval).astype(np.int64)
        activity = np.exp(value_noise(draw(self.traits.own_key, 9), now, _ACTIVITY))
        mark = self.mark(self.traits, now)
        volume = self.traits.turnover_usd * activity / mark
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
            volume * (0.3 + uniform(draw(self.traits.own_key, 10))),
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


class SyntheticMarket:
    """Several venues with several hundred contracts each, deterministic from a seed.

    Parameters
    ----------
    styles
        The venues to make up.
    symbols
        Contracts per venue, over the whole life of the market.
    seed
        Two markets with the same seed and the same present are equal.
    clock
        The present, in milliseconds.
    start
        First day of the market.
    """

    def __init__(
        self,
        styles: Iterable[VenueStyle],
        *,
        symbols: int,
        seed: int,
        clock: Callable[[], int],
        start: datetime = MARKET_START,
    ) -> None:
        self._venues = {s.venue: _Venue(s, seed, symbols, to_ms(start)) for s in styles}
        self._clock = clock
        self._histories: dict[tuple[str, str], tuple[int, Settlements]] = {}
        self._quotes: dict[str, tuple[int, Mapping[str, Quote]]] = {}

    def now_ms(self) -> int:
        """Tell the market's present."""
        return self._clock()

    def instruments(self, venue: str) -> Sequence[Instrument]:
        """List every contract listed by now, delisted ones included."""
        known = self._venues.get(venue)
        now = self.now_ms()
        return [] if known is None else [i for i in known.instruments if i.listed_ms <= now]

    def settlements(self, venue: str, venue_symbol: str) -> Settlements:
        """Return settlements of a contract up to now, computed ahead to the end of 30 days."""
        now = self.now_ms()
        computed_to, history = self._histories.get((venue, venue_symbol), (-1, None))
        if history is None or computed_to < now:
            computed_to = (now // (30 * DAY_MS) + 1) * 30 * DAY_MS
            known = self._venues[venue]
            history = known.settlements(known.positions[venue_symbol], computed_to)
            self._histories[venue, venue_symbol] = (computed_to, history)
        return history.until(now)

    def quotes(self, venue: str) -> Mapping[str, Quote]:
        """Return the contracts that trade now; the market moves once a second."""
        second = self.now_ms() // 1_000 * 1_000
        seen, quotes = self._quotes.get(venue, (-1, {}))
        if seen != second and venue in self._venues:
            quotes = self._venues[venue].quotes(second)
            self._quotes[venue] = (second, quotes)
        return quotes


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
        bits = draw(coin_key ^ np.uint64(0x5B1CE), start)
        age = hours - start * _SPIKE_HOURS - np.floor(uniform(bits) * _SPIKE_HOURS)
        size = 0.002 / (0.05 + uniform(draw(bits, 1))) * np.sign(bell(draw(bits, 2)))
        happens = (uniform(draw(bits, 3)) < 0.04) & (age >= 0)
        total += np.where(happens, size * np.exp(-np.maximum(age, 0) / 12), 0.0)
    return total
