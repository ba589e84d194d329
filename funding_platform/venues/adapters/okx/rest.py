"""OKX v5 swaps, linear and inverse, and X-Perps.

An X-Perp is listed among the futures, since it names an expiry years ahead, as in
``BTC-USD_UM_XPERP-310404``; it pays funding as swaps do, and is one in all but its place.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from msgspec import field

from funding_platform.core.market.asset_classes import AssetClass, class_said
from funding_platform.venues.adapters.okx.books import BOOKS, DEPTHS
from funding_platform.venues.adapters.okx.hourly import (
    CANDLES,
    OPEN_INTEREST_HISTORY,
    SPOT_CANDLES,
    OkxHours,
    pair_of,
)
from funding_platform.venues.errors import RateLimitedError, ServerError, UnknownSymbolError
from funding_platform.venues.paging.backward import BackwardOpen
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.fields import MaybeReal, Real, RealOrBlank, Time, TimeOrBlank
from funding_platform.venues.parsing.payloads import Payload, hours_between, product
from funding_platform.venues.parsing.records import Listing, MarketRow, Page, Settlement, dollars
from funding_platform.venues.rest.concurrency import together
from funding_platform.venues.rest.endpoints import Endpoint, ErrorCodes, Params
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.specification import VenueSpec

INDEX_QUOTES: Final = ("USDT", "USDC", "USD")


class SwapRow(Payload):
    """A row that names a perpetual."""

    venue_symbol: str = field(name="instId")

    @property
    def pair(self) -> str:
        """Base and quote, as indices are named: BTC-USDT of a swap, BTC-USD of an X-Perp."""
        return pair_of(self.venue_symbol)


class _Instrument(SwapRow):
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


class FundingRate(SwapRow):
    """What is expected at the next settlement."""

    inst_type: str
    predicted_rate: RealOrBlank = field(name="fundingRate")  # under next_period, fixed already
    next_funding_ms: TimeOrBlank = field(name="fundingTime")
    following_ms: TimeOrBlank = field(name="nextFundingTime")  # after that

    @property
    def interval_hours(self) -> float | None:
        """From this settlement to the one after it."""
        return hours_between(self.next_funding_ms, self.following_ms)


class MarkPrice(SwapRow):
    """The mark."""

    mark_price: RealOrBlank = field(name="markPx")


class _OpenInterest(SwapRow):
    open_interest_base: RealOrBlank = field(name="oiCcy")
    open_interest_usd: RealOrBlank = field(name="oiUsd")


class Ticker(SwapRow):
    """The best quotes, and what was traded within a day."""

    last: RealOrBlank
    best_bid: RealOrBlank = field(name="bidPx")
    best_ask: RealOrBlank = field(name="askPx")
    volume: RealOrBlank = field(name="volCcy24h")  # base coin, for inverse swaps too

    @property
    def volume_24h_usd(self) -> MaybeReal:
        """Base coins traded, at the last price."""
        return dollars(self.pair.partition("-")[2], product(self.volume, self.last))


class Index(Payload):
    """The index of a pair, which several perpetuals share."""

    pair: str = field(name="instId")  # BTC-USDT
    index_price: RealOrBlank = field(name="idxPx")


class _Funding(SwapRow):
    time_ms: Time = field(name="fundingTime")
    rate: Real = field(name="realizedRate")  # fundingRate is what was predicted


INSTRUMENTS: Final = Endpoint("/api/v5/public/instruments", list[_Instrument], within="data")
FUNDING_RATES: Final = Endpoint("/api/v5/public/funding-rate", list[FundingRate], within="data")
MARK_PRICES: Final = Endpoint("/api/v5/public/mark-price", list[MarkPrice], within="data")
OPEN_INTEREST: Final = Endpoint("/api/v5/public/open-interest", list[_OpenInterest], within="data")
TICKERS: Final = Endpoint("/api/v5/market/tickers", list[Ticker], within="data")
INDEX_TICKERS: Final = Endpoint("/api/v5/market/index-tickers", list[Index], within="data")
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


def _is_x_perp(row: SwapRow) -> bool:
    return X_PERP in row.venue_symbol


class Okx(OkxHours):
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
        candles=CANDLES,
        spot_candles=SPOT_CANDLES,
        open_interest=OPEN_INTEREST_HISTORY,
        books=DEPTHS,
        budget=Budget("requests", 10, 2),
        refusal=ErrorCodes(
            "code",
            "msg",
            success="0",
            meanings={"50011": RateLimitedError, "50013": ServerError, "51001": UnknownSymbolError},
        ),
        statuses={"live": "trading", "suspend": "halted", "preopen": "halted"},
    )
    book_call = BOOKS

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
