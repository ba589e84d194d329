"""OKX v5 swaps, linear and inverse."""

from datetime import UTC, datetime, timedelta
from typing import Final, Generic, Literal, TypeVar

from funding_platform.venues.base import Venue, VenueSpec
from funding_platform.venues.concurrency import task_group
from funding_platform.venues.endpoints import Endpoint, ErrorCodes, Params
from funding_platform.venues.errors import RateLimitedError, ServerError, UnknownSymbolError
from funding_platform.venues.limits import Budget
from funding_platform.venues.paging import Ask, BackwardOpen
from funding_platform.venues.payloads import (
    MaybeReal,
    Payload,
    Real,
    RealOrBlank,
    Time,
    TimeOrBlank,
    present,
    product,
)
from funding_platform.venues.records import Listing, Market, Page, Settlement, dollars

T = TypeVar("T")
HOUR_MS: Final = 3_600_000
INDEX_QUOTES: Final = ("USDT", "USDC", "USD")


class _Reply(Payload, Generic[T]):
    code: str
    data: list[T]


class _Instrument(Payload):
    inst_id: str
    inst_family: str  # baseCcy and quoteCcy are empty for swaps
    ct_type: Literal["linear", "inverse"]
    ct_val: RealOrBlank
    ct_mult: RealOrBlank
    settle_ccy: str
    tick_sz: RealOrBlank
    min_sz: RealOrBlank
    state: str
    list_time: TimeOrBlank


class _FundingRate(Payload):
    """``fundingRate`` is paid at ``fundingTime``; ``nextFundingTime`` is the one after that.

    Holds for both methods: under ``next_period`` it is already fixed rather than an estimate.
    """

    inst_id: str
    inst_type: str
    funding_rate: RealOrBlank
    funding_time: TimeOrBlank
    next_funding_time: TimeOrBlank

    @property
    def interval_hours(self) -> float | None:
        """From this settlement to the one after it."""
        this, following = present(self.funding_time), present(self.next_funding_time)
        return None if this is None or following is None else (following - this) / HOUR_MS


class _MarkPrice(Payload):
    inst_id: str
    mark_px: RealOrBlank


class _OpenInterest(Payload):
    inst_id: str
    oi_ccy: RealOrBlank
    oi_usd: RealOrBlank


class _Ticker(Payload):
    inst_id: str
    last: RealOrBlank
    bid_px: RealOrBlank
    ask_px: RealOrBlank
    vol_ccy24h: RealOrBlank  # base coin, for inverse swaps too

    @property
    def volume_usd(self) -> MaybeReal:
        """Base coins traded, at the last price."""
        return dollars(self.inst_id.split("-")[1], product(self.vol_ccy24h, self.last))


class _Index(Payload):
    inst_id: str
    idx_px: RealOrBlank


class _Funding(Payload):
    inst_id: str
    funding_time: Time
    realized_rate: Real  # fundingRate is what was predicted


INSTRUMENTS: Final = Endpoint("/api/v5/public/instruments", _Reply[_Instrument])
FUNDING_RATES: Final = Endpoint("/api/v5/public/funding-rate", _Reply[_FundingRate])
MARK_PRICES: Final = Endpoint("/api/v5/public/mark-price", _Reply[_MarkPrice])
OPEN_INTEREST: Final = Endpoint("/api/v5/public/open-interest", _Reply[_OpenInterest])
TICKERS: Final = Endpoint("/api/v5/market/tickers", _Reply[_Ticker])
INDEX_TICKERS: Final = Endpoint("/api/v5/market/index-tickers", _Reply[_Index])
HISTORY: Final = Endpoint(
    "/api/v5/public/funding-rate-history", _Reply[_Funding], budget=Budget("history", 10, 2)
)
SWAPS: Final = {"instType": "SWAP"}


class Okx(Venue):
    """OKX v5, instrument type SWAP."""

    spec = VenueSpec(
        name="okx",
        title="OKX",
        base_url="https://www.okx.com",
        docs_url="https://www.okx.com/docs-v5/en/",
        history_start=datetime(2018, 12, 1, tzinfo=UTC),
        history_depth=timedelta(days=90),
        pager=BackwardOpen,
        page_size=100,
        budget=Budget("requests", 10, 2),
        refusal=ErrorCodes(
            "code",
            "msg",
            success="0",
            meanings={
                "50011": RateLimitedError,
                "50013": ServerError,
                "51001": UnknownSymbolError,
            },
        ),
        statuses={"live": "trading", "suspend": "halted", "preopen": "halted"},
    )

    async def fetch_listings(self) -> list[Listing]:
        """All swaps."""
        return [
            Listing(
                venue_symbol=row.inst_id,
                base=row.inst_family.split("-")[0],
                quote=row.inst_family.split("-")[-1],
                settle=row.settle_ccy,
                contract_type=row.ct_type,
                status=row.state,
                contract_size=product(row.ct_val, row.ct_mult),
                tick_size=row.tick_sz,
                min_size=row.min_sz,
                listed_ms=row.list_time,
            )
            for row in await self._rows(INSTRUMENTS, SWAPS)
        ]

    async def fetch_markets(self) -> list[Market]:
        """The funding of all swaps, joined with prices, open interest and turnover."""
        async with task_group() as group:
            funding = group.create_task(self._rows(FUNDING_RATES, {"instId": "ANY"}))
            marks = group.create_task(self.attempt(self._rows(MARK_PRICES, SWAPS), []))
            interest = group.create_task(self.attempt(self._rows(OPEN_INTEREST, SWAPS), []))
            tickers = group.create_task(self.attempt(self._rows(TICKERS, SWAPS), []))
            indices = [
                group.create_task(self.attempt(self._rows(INDEX_TICKERS, {"quoteCcy": quote}), []))
                for quote in INDEX_QUOTES
            ]
        mark = {row.inst_id: row.mark_px for row in marks.result()}
        index = {row.inst_id: row.idx_px for task in indices for row in task.result()}
        held = {row.inst_id: row for row in interest.result()}
        traded = {row.inst_id: row for row in tickers.result()}
        return [
            Market(
                venue_symbol=(swap := row.inst_id),
                predicted_rate=row.funding_rate,
                interval_hours=row.interval_hours,
                next_funding_ms=row.funding_time,
                mark_price=mark.get(swap),
                index_price=index.get(swap.removesuffix("-SWAP")),
                open_interest_base=held[swap].oi_ccy if swap in held else None,
                open_interest_usd=held[swap].oi_usd if swap in held else None,
                volume_24h_usd=traded[swap].volume_usd if swap in traded else None,
                best_bid=traded[swap].bid_px if swap in traded else None,
                best_ask=traded[swap].ask_px if swap in traded else None,
            )
            for row in funding.result()
            if row.inst_type == "SWAP"
        ]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """One page of settlements up to the ask's end; ``after`` means older than."""
        params: Params = {"instId": symbol, "after": ask.end_ms + 1, "limit": ask.limit}
        rows = await self._rows(HISTORY, params)
        return Page([Settlement(r.inst_id, r.funding_time, r.realized_rate) for r in rows])

    async def _rows(self, endpoint: Endpoint[_Reply[T]], params: Params) -> list[T]:
        return (await self.fetch(endpoint, params)).data
