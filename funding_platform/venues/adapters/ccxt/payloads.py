"""Structures of ccxt, as its unified methods give them, and the records that we make of them."""

import re

from funding_platform.core.symbols import ContractType
from funding_platform.venues.books.records import PairLevel
from funding_platform.venues.parsing.fields import MaybeReal, MaybeTime, Real, Time
from funding_platform.venues.parsing.payloads import Payload, present
from funding_platform.venues.parsing.records import Listing, MarketRow, dollars


class Rate(Payload):
    """A settlement."""

    symbol: str
    timestamp: Time
    funding_rate: Real


class Prediction(Payload):
    """What is expected of the next settlement, and what it will be worth."""

    symbol: str
    funding_rate: MaybeReal = None
    interval: str | None = None
    funding_timestamp: MaybeTime = None
    mark_price: MaybeReal = None
    index_price: MaybeReal = None


class Ticker(Payload):
    """The best quotes of a market and the turnover of its last day."""

    bid: MaybeReal = None
    ask: MaybeReal = None
    quote_volume: MaybeReal = None


class Depth(Payload):
    """An order book, with sizes in contracts."""

    bids: list[PairLevel]
    asks: list[PairLevel]
    timestamp: MaybeTime = None


class Swap(Payload):
    """A market that is a perpetual."""

    symbol: str
    base: str
    quote: str
    settle: str | None
    precision: dict[str, MaybeReal]
    limits: dict[str, dict[str, MaybeReal] | None]
    linear: bool | None = None
    active: bool | None = None
    contract_size: MaybeReal = None
    created: MaybeTime = None

    @property
    def contract_type(self) -> ContractType:
        """By what it settles in: ccxt tells whether it is linear."""
        if self.linear:
            return "linear"
        return "inverse" if self.settle in (None, self.base) else "quanto"


def listing_of(row: Swap, *, steps: bool) -> Listing:
    """Make the listing of a swap; ``steps`` says whether its precision is a step or digits."""
    tick = present(row.precision.get("price"))
    return Listing(
        venue_symbol=row.symbol,
        base=row.base,
        quote=row.quote,
        settle=row.settle,
        contract_type=row.contract_type,
        status={True: "active", False: "inactive", None: "unstated"}[row.active],
        # Of what a quanto contract is so many, exchanges do not agree.
        contract_size=None if row.contract_type == "quanto" else row.contract_size,
        tick_size=tick if steps or tick is None else 10.0**-tick,
        min_size=(row.limits.get("amount") or {}).get("min"),
        listed_ms=row.created,
    )


def market_of(row: Prediction, quote: str, stated: Prediction, ticker: Ticker | None) -> MarketRow:
    """Make the row of a market; its interval may be stated by another call than its rate."""
    hours = re.fullmatch(r"(\d+)h", row.interval or stated.interval or "")
    return MarketRow(
        venue_symbol=row.symbol,
        predicted_rate=row.funding_rate,
        interval_hours=float(hours[1]) if hours else None,
        next_funding_ms=row.funding_timestamp,
        mark_price=row.mark_price,
        index_price=row.index_price,
        volume_24h_usd=dollars(quote, ticker.quote_volume) if ticker else None,
        best_bid=ticker.bid if ticker else None,
        best_ask=ticker.ask if ticker else None,
    )
