"""What the answers of Drift and Velocity hold, in which a rate is spelled in three ways.

====================  =============================================  ==================
stats/markets         percent, what each side receives               long < 0: longs pay
fundingRates          quote per base; divide by the oracle's TWAP    long > 0: longs pay
its oldest form       the same in integers, of 1e-9 and 1e-6         rate > 0: longs pay
====================  =============================================  ==================
"""

from typing import Final

from msgspec import field

from funding_platform.venues.parsing.candles import Candle
from funding_platform.venues.parsing.fields import MaybeReal, Percent, Positive, Real, Seconds
from funding_platform.venues.parsing.payloads import Payload, SymbolRow, fraction, larger, ratio
from funding_platform.venues.parsing.records import Settlement

BOOK_HOST: Final = "https://dlob.velocity.exchange"
"""Has the order books, all in one unit; Drift's own hosts answer no more."""


class _Amount(Payload):
    min_size: MaybeReal = field(name="min", default=None)


class _Limits(Payload):
    amount: _Amount = field(default_factory=_Amount)


class _Rates(Payload):
    long: Percent


class _Held(Payload):
    long: MaybeReal
    short: MaybeReal  # negative


class Perpetual(SymbolRow, tag_field="marketType", tag="perp"):
    """A market with funding, as the statistics have it."""

    status: str
    ui_status: str
    base: str = field(name="baseAsset")
    quote: str = field(name="quoteAsset")
    limits: _Limits
    index_price: MaybeReal = field(name="oraclePrice")
    mark_price: MaybeReal
    volume_24h_quote: MaybeReal = field(name="quoteVolume")
    open_interest: _Held
    funding_rate: _Rates

    @property
    def predicted_rate(self) -> float:
        """What longs pay: the percentage that they receive, with its sign turned."""
        return 0.0 - fraction(self.funding_rate.long)  # not -0.0

    @property
    def open_interest_base(self) -> float | None:
        """The larger side: the venue's own market maker holds the difference."""
        return larger(self.open_interest.long, self.open_interest.short)


class Spot(Payload, tag_field="marketType", tag="spot"):
    """A market without funding, left out."""


class _Level(Payload):
    price: Real


class Book(Payload):
    """Best bid and ask, and the prices of the same moment: all in millionths."""

    venue_symbol: str = field(name="marketName")
    bids: list[_Level]
    asks: list[_Level]
    mark_price: MaybeReal
    oracle: MaybeReal

    @property
    def prices(self) -> dict[str, float | None]:
        """As columns of a market."""
        return {
            "mark_price": ratio(self.mark_price, 1e6),
            "index_price": ratio(self.oracle, 1e6),
            "best_bid": self.bids[0].price / 1e6 if self.bids else None,
            "best_ask": self.asks[0].price / 1e6 if self.asks else None,
        }


class _Record(SymbolRow):
    ts: Seconds
    funding_rate_long: Real
    oracle_price_twap: Positive


class _RawRecord(Payload):
    ts: Seconds
    funding_rate: Real
    oracle_price_twap: Positive


class Bar(Payload):
    """An hour of deals, and of the oracle's prices."""

    time_s: Seconds = field(name="ts")
    fill_open: MaybeReal
    fill_high: MaybeReal
    fill_low: MaybeReal
    fill_close: MaybeReal
    oracle_open: MaybeReal
    oracle_high: MaybeReal
    oracle_low: MaybeReal
    oracle_close: MaybeReal
    base_volume: MaybeReal = None
    quote_volume: MaybeReal = None

    def candle(self, symbol: str, kind: str) -> Candle:
        """One of the two."""
        time_ms = self.time_s * 1000
        if kind == "index":
            prices = (self.oracle_open, self.oracle_high, self.oracle_low, self.oracle_close)
            return Candle(symbol, time_ms, *prices)
        prices = (self.fill_open, self.fill_high, self.fill_low, self.fill_close)
        return Candle(symbol, time_ms, *prices, self.base_volume, self.quote_volume)


class _Meta(Payload):
    next_page: str | int | None = None


class RateHistory(Payload):
    """Rates, newest first, in decimals or, under the name of the oldest form, in integers."""

    records: list[_Record] | None = None
    funding_rates: list[_RawRecord] | None = None
    meta: _Meta = field(default_factory=_Meta)

    def __post_init__(self) -> None:
        if self.records is None and self.funding_rates is None:
            raise ValueError("holds no rates under either name")

    def settlements(self, symbol: str) -> list[Settlement]:
        """Read rates as fractions of the price; the integers do not say of which ``symbol``."""
        rates = [
            (row.venue_symbol, row.ts, row.funding_rate_long / row.oracle_price_twap)
            for row in self.records or []
        ]
        raw_rates = [
            (symbol, row.ts, row.funding_rate / row.oracle_price_twap / 1e3)
            for row in self.funding_rates or []
        ]
        return [
            Settlement(of, seconds * 1000, rate, interval_hours=1.0)
            for of, seconds, rate in rates or raw_rates
        ]

    def page_before(self, until_ms: int) -> str | int | None:
        """Return the cursor to the page before; None once this one reaches back to a moment."""
        times = [row.ts * 1000 for row in self.records or self.funding_rates or []]
        return self.meta.next_page if times and min(times) >= until_ms else None
