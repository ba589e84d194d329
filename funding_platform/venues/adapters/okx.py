"""OKX v5 swaps, linear and inverse, and X-Perps.

An X-Perp is listed among the futures, since it names an expiry years ahead, as in
``BTC-USD_UM_XPERP-310404``; it pays funding as swaps do, and is one in all but its place.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from msgspec import field

from funding_platform.core.asset_classes import AssetClass, class_said
from funding_platform.core.time_grid import HOUR
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import RateLimitedError, ServerError, UnknownSymbolError
from funding_platform.venues.paging.backward import Backward, BackwardOpen
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.candles import (
    Candle,
    CandlePage,
    InterestPage,
    InterestPoint,
    SpotListing,
)
from funding_platform.venues.parsing.fields import MaybeReal, Real, RealOrBlank, Time, TimeOrBlank
from funding_platform.venues.parsing.payloads import Payload, hours_between, product
from funding_platform.venues.parsing.records import Listing, MarketRow, Page, Settlement, dollars
from funding_platform.venues.rest.concurrency import together
from funding_platform.venues.rest.endpoints import Endpoint, ErrorCodes, Params
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.specification import CandleSpec, HourlySpec, VenueSpec

INDEX_QUOTES: Final = ("USDT", "USDC", "USD")
FINISHED: Final = "1"


class _SwapRow(Payload):
    venue_symbol: str = field(name="instId")

    @property
    def pair(self) -> str:
        """Base and quote, as indices are named: BTC-USDT of a swap, BTC-USD of an X-Perp."""
        return "-".join(self.venue_symbol.partition("_")[0].split("-")[:2])


class _Instrument(_SwapRow):
    contract_type: Literal["linear", "inverse"] = field(name="ctType")
    ct_val: RealOrBlank
    ct_mult: RealOrBlank
    settle: str = field(name="settleCcy")
    tick_size: RealOrBlank = field(name="tickSz")
    min_size: RealOrBlank = field(name="minSz")
    status: str = field(name="state")
    listed_ms: TimeOrBlank = field(name="listTime")
    asset_category: str = field(name="instCategory", default="")

    @property
    def base(self) -> str:
        """From the symbol: baseCcy and quoteCcy are empty for perpetuals."""
        return self.pair.partition("-")[0]

    @property
    def quote(self) -> str:
        """USDT of BTC-USDT-SWAP."""
        return self.pair.partition("-")[2]

    @property
    def asset_class(self) -> AssetClass | None:
        """By instCategory; None on older rows, which lack it."""
        if not self.asset_category:
            return None
        return class_said(CATEGORIES.get(self.asset_category), self.base)


class _FundingRate(_SwapRow):
    inst_type: str
    predicted_rate: RealOrBlank = field(name="fundingRate")  # under next_period, fixed already
    next_funding_ms: TimeOrBlank = field(name="fundingTime")
    following_ms: TimeOrBlank = field(name="nextFundingTime")  # after that

    @property
    def interval_hours(self) -> float | None:
        """From this settlement to the one after it."""
        return hours_between(self.next_funding_ms, self.following_ms)


class _MarkPrice(_SwapRow):
    mark_price: RealOrBlank = field(name="markPx")


class _OpenInterest(_SwapRow):
    open_interest_base: RealOrBlank = field(name="oiCcy")
    open_interest_usd: RealOrBlank = field(name="oiUsd")


class _Ticker(_SwapRow):
    last: RealOrBlank
    best_bid: RealOrBlank = field(name="bidPx")
    best_ask: RealOrBlank = field(name="askPx")
    volume: RealOrBlank = field(name="volCcy24h")  # base coin, for inverse swaps too

    @property
    def volume_24h_usd(self) -> MaybeReal:
        """Base coins traded, at the last price."""
        return dollars(self.pair.partition("-")[2], product(self.volume, self.last))


class _Index(Payload):
    pair: str = field(name="instId")  # BTC-USDT
    index_price: RealOrBlank = field(name="idxPx")


class _Bar(Payload, array_like=True):
    """Of trades: contracts (of spot, base), base and quote."""

    time_ms: Time
    open: MaybeReal
    high: MaybeReal
    low: MaybeReal
    close: MaybeReal
    volume: MaybeReal
    volume_base: MaybeReal
    volume_quote: MaybeReal
    confirm: str


class _Price(Payload, array_like=True):
    """Of mark and index."""

    time_ms: Time
    open: MaybeReal
    high: MaybeReal
    low: MaybeReal
    close: MaybeReal
    confirm: str


class _Held(Payload, array_like=True):
    time_ms: Time
    contracts: MaybeReal
    open_interest_base: MaybeReal
    open_interest_quote: MaybeReal  # dollars


class _SpotInstrument(_SwapRow):
    base: str = field(name="baseCcy")
    quote: str = field(name="quoteCcy")
    state: str


class _Funding(_SwapRow):
    time_ms: Time = field(name="fundingTime")
    rate: Real = field(name="realizedRate")  # fundingRate is what was predicted


INSTRUMENTS: Final = Endpoint("/api/v5/public/instruments", list[_Instrument], within="data")
FUNDING_RATES: Final = Endpoint("/api/v5/public/funding-rate", list[_FundingRate], within="data")
MARK_PRICES: Final = Endpoint("/api/v5/public/mark-price", list[_MarkPrice], within="data")
OPEN_INTEREST: Final = Endpoint("/api/v5/public/open-interest", list[_OpenInterest], within="data")
TICKERS: Final = Endpoint("/api/v5/market/tickers", list[_Ticker], within="data")
INDEX_TICKERS: Final = Endpoint("/api/v5/market/index-tickers", list[_Index], within="data")
SLOW: Final = Budget("history", 10, 2)
HISTORY: Final = Endpoint(
    "/api/v5/public/funding-rate-history", list[_Funding], within="data", budget=SLOW
)
SWAPS: Final = {"instType": "SWAP"}
FUTURES: Final = {"instType": "FUTURES"}
X_PERP: Final = "_XPERP-"
"""What tells an X-Perp from the dated futures that it is listed among."""

CATEGORIES: Final = {"1": "crypto", "3": "stock", "4": "commodity", "5": "forex"}
"""Words for instCategory. Only 1 was ever recorded; the others are as documented."""


def _is_x_perp(row: _SwapRow) -> bool:
    return X_PERP in row.venue_symbol


# The calls without "history" end after 1,440 bars, as if nothing were older.
TRADE_CANDLES: Final = Endpoint(
    "/api/v5/market/history-candles", list[_Bar], within="data", budget=Budget("candles", 20, 2)
)
PRICE_CANDLES: Final = {
    kind: Endpoint(
        f"/api/v5/market/history-{call}",
        list[_Price],
        within="data",
        budget=Budget(f"{kind} candles", 10, 2),
    )
    for kind, call in (("mark", "mark-price-candles"), ("index", "index-candles"))
}
HELD: Final = Endpoint(
    "/api/v5/rubik/stat/contracts/open-interest-history",
    list[_Held],
    within="data",
    budget=Budget("statistics", 5, 2),
)
SPOT_INSTRUMENTS: Final = Endpoint(
    "/api/v5/public/instruments", list[_SpotInstrument], within="data"
)


class Okx(Venue):
    """OKX v5, instrument type SWAP, and the X-Perps of type FUTURES."""

    spec = VenueSpec(
        name="okx",
        title="OKX",
        base_url="https://www.okx.com",
        docs_url="https://www.okx.com/docs-v5/en/",
        history_start=datetime(2018, 12, 1, tzinfo=UTC),
        history_depth=timedelta(days=90),
        pager=BackwardOpen,
        page_size=100,
        candles=(
            CandleSpec(kinds=("mark", "index"), pager=BackwardOpen, page_size=100),
            CandleSpec(kinds=("trade",), pager=BackwardOpen, page_size=300),
        ),
        spot_candles=CandleSpec(pager=BackwardOpen, page_size=300),
        # A figure is of the hour that begins at its time, so it is known when that is over.
        open_interest=HourlySpec(
            pager=Backward, page_size=100, depth=timedelta(days=60), lasts=HOUR
        ),
        budget=Budget("requests", 10, 2),
        refusal=ErrorCodes(
            "code",
            "msg",
            success="0",
            meanings={"50011": RateLimitedError, "50013": ServerError, "51001": UnknownSymbolError},
        ),
        statuses={"live": "trading", "suspend": "halted", "preopen": "halted"},
    )

    async def fetch_listings(self) -> list[Listing]:
        """All swaps, and the X-Perps among the futures."""
        swaps, futures = await together(
            self.fetch(INSTRUMENTS, SWAPS), self.attempt(self.fetch(INSTRUMENTS, FUTURES), [])
        )
        return [
            Listing.of(row, contract_size=product(row.ct_val, row.ct_mult))
            for row in (*swaps, *filter(_is_x_perp, futures))
        ]

    async def fetch_markets(self) -> list[MarketRow]:
        """Fetch the funding of all perpetuals, joined with prices, open interest and turnover.

        Of the futures, those count that are listed as X-Perps.
        """
        funding, listed, swaps, indices = await together(
            self.fetch(FUNDING_RATES, {"instId": "ANY"}),
            self.attempt(self.listed(), {}),
            self._around(SWAPS),
            self.attempt_each(
                INDEX_QUOTES, lambda quote: self.fetch(INDEX_TICKERS, {"quoteCcy": quote})
            ),
        )
        x_perps = {symbol for symbol in listed if X_PERP in symbol}
        perpetuals = [r for r in funding if r.inst_type == "SWAP" or r.venue_symbol in x_perps]
        around = [swaps]
        if x_perps:
            around.append(await self._around(FUTURES))
        by_pair = {row.pair: row for rows in indices.values() for row in rows}
        index = {row.venue_symbol: by_pair.get(row.pair) for row in perpetuals}
        answers = [answer for answers in around for answer in answers]
        return [MarketRow.joined(row, index, *answers) for row in perpetuals]

    async def _around(self, kind: Params) -> tuple[Mapping[str, object], ...]:
        """Fetch marks, open interest and turnover of a kind of instruments, each by symbol."""
        return await together(
            self.attempt_rows(MARK_PRICES, kind),
            self.attempt_rows(OPEN_INTEREST, kind),
            self.attempt_rows(TICKERS, kind),
        )

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """Fetch one page of settlements up to the ask's end; ``after`` means older than."""
        params: Params = {"instId": symbol, "after": ask.end_ms + 1, "limit": ask.limit}
        rows = await self.fetch(HISTORY, params)
        return Page([Settlement(row.venue_symbol, row.time_ms, row.rate) for row in rows])

    async def fetch_candles(self, symbol: str, kind: str, ask: Ask) -> CandlePage:
        """Fetch one page of bars up to the ask's end, newest first; of the index by its pair."""
        if kind == "trade":
            return await self._trades(symbol, ask)
        named = _pair(symbol) if kind == "index" else symbol
        rows = await self.fetch(PRICE_CANDLES[kind], _bars(named, ask))
        candles = [Candle.of(row, venue_symbol=symbol) for row in rows]
        return CandlePage.finished(candles, lambda place: rows[place].confirm == FINISHED)

    async def fetch_spot_listings(self) -> list[SpotListing]:
        """List the instruments of the spot market."""
        rows = await self.fetch(SPOT_INSTRUMENTS, {"instType": "SPOT"})
        return [SpotListing.of(row, trades=row.state == "live") for row in rows]

    async def fetch_spot_candles(self, symbol: str, ask: Ask) -> CandlePage:
        """Fetch the same of a spot market; its sixth and seventh column say the same."""
        return await self._trades(symbol, ask)

    async def fetch_open_interest(self, symbol: str, ask: Ask) -> InterestPage:
        """Fetch one page of what was held, newest first; both edges may be left out."""
        edges: Params = {"begin": ask.start_ms - 1, "end": ask.end_ms, "limit": ask.limit}
        rows = await self.fetch(HELD, {"instId": symbol, "period": "1H", **edges})
        return InterestPage([InterestPoint.of(row, venue_symbol=symbol) for row in rows])

    async def _trades(self, symbol: str, ask: Ask) -> CandlePage:
        rows = await self.fetch(TRADE_CANDLES, _bars(symbol, ask))
        candles = [Candle.of(row, venue_symbol=symbol) for row in rows]
        return CandlePage.finished(candles, lambda place: rows[place].confirm == FINISHED)


def _bars(named: str, ask: Ask) -> Params:
    return {"instId": named, "bar": "1H", "after": ask.end_ms + 1, "limit": ask.limit}


def _pair(symbol: str) -> str:
    """BTC-USDT of BTC-USDT-SWAP."""
    return "-".join(symbol.split("-")[:2])
