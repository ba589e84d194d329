"""edgeX V2. V1, on another host, answers with empty data; its contract ids mean nothing here."""

from datetime import UTC, datetime
from typing import Final

from msgspec import field

from funding_platform.core.market.asset_classes import AssetClass
from funding_platform.venues.adapters.edgex.books import BOOKS, DEPTHS
from funding_platform.venues.contract import Venue
from funding_platform.venues.errors import UnknownSymbolError
from funding_platform.venues.paging.backward import BackwardToken
from funding_platform.venues.paging.pager import Ask
from funding_platform.venues.parsing.candles import Candle, CandlePage
from funding_platform.venues.parsing.fields import MaybeReal, Real, RealOrBlank, Time
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.parsing.records import Listing, MarketRow, Page, Settlement
from funding_platform.venues.rest.endpoints import Endpoint, ErrorCodes, Params
from funding_platform.venues.rest.limits import Budget
from funding_platform.venues.specification import CandleSpec, VenueSpec


class _Coin(Payload):
    coin_id: str
    coin_name: str


class _Paying(Payload):
    venue_id: str = field(name="contractId")
    funding_rate_interval_min: Real

    @property
    def interval_hours(self) -> float:
        return self.funding_rate_interval_min / 60


class _Contract(_Paying):
    venue_symbol: str = field(name="contractName")
    base_coin_id: str
    quote_coin_id: str
    enable_trade: bool
    enable_display: bool
    enable_open_position: bool
    tick_size: MaybeReal = None
    min_size: MaybeReal = field(name="minOrderSize", default=None)
    is_stock: bool | None = None
    is_fx: bool | None = None

    @property
    def asset_class(self) -> AssetClass | None:
        """None where neither flag says what it is: commodities have none of their own."""
        return "equity" if self.is_stock else "fx" if self.is_fx else None

    @property
    def status(self) -> str:
        live = self.enable_trade and self.enable_display and self.enable_open_position
        return "live" if live else "restricted"


class _MetaData(Payload):
    coin_list: list[_Coin]
    contract_list: list[_Contract]


class _Rate(_Paying):
    time_ms: Time = field(name="fundingTime")  # when ``fundingRate`` was settled
    funding_timestamp: Time  # the minute of the calculation
    rate: Real = field(name="fundingRate")
    # For one interval later; predictedFundingRate is the interest part alone. Empty in history.
    predicted_rate: RealOrBlank = field(name="forecastFundingRate")
    is_settlement: bool
    mark_price: MaybeReal = None
    index_price: MaybeReal = None

    @property
    def next_funding_ms(self) -> int:
        return self.time_ms + int(self.funding_rate_interval_min * 60_000)


class _FundingPage(Payload):
    data_list: list[_Rate]
    next_page_offset_data: str


class Ticker(Payload):
    """The market of a contract as it stands."""

    venue_id: str = field(name="contractId")
    mark_price: RealOrBlank
    index_price: RealOrBlank
    open_interest_base: RealOrBlank = field(name="openInterest")
    volume_24h_quote: RealOrBlank = field(name="value")


class _Bar(Payload):
    venue_id: str = field(name="contractId")
    time_ms: Time = field(name="klineTime")
    open: MaybeReal
    high: MaybeReal
    low: MaybeReal
    close: MaybeReal
    volume_base: MaybeReal = field(name="size", default=None)
    volume_quote: MaybeReal = field(name="value", default=None)


class _BarPage(Payload):
    data_list: list[_Bar]
    next_page_offset_data: str


META_DATA: Final = Endpoint("/api/v2/public/meta/getMetaData", _MetaData, within="data")
FUNDING: Final = Endpoint("/api/v2/public/funding/getLatestFundingRate", list[_Rate], within="data")
TICKER: Final = Endpoint("/api/v2/public/quote/getTicker", Ticker, within="data", sole=True)
HISTORY: Final = Endpoint[_FundingPage | list[_Rate]](
    "/api/v2/public/funding/getFundingRatePage", _FundingPage | list[_Rate], within="data"
)

CANDLES: Final = Endpoint[_BarPage | list[_Bar]](
    "/api/v2/public/quote/getKline", _BarPage | list[_Bar], within="data"
)
PRICES: Final = {"mark": "ORACLE_PRICE", "index": "INDEX_PRICE", "trade": "LAST_PRICE"}


class Edgex(Venue):
    """edgeX V2, all margined in its quote coin. Calls name contracts by number."""

    spec = VenueSpec(
        name="edgex",
        title="edgeX",
        base_url="https://edgex-prod-v2.edgex.exchange",
        docs_url="https://edgex-1.gitbook.io/edgeX-documentation",
        history_start=datetime(2024, 8, 1, tzinfo=UTC),  # edgeX opened; V2's own start is unstated
        pager=BackwardToken,
        page_size=100,
        candles=(CandleSpec(kinds=tuple(PRICES), pager=BackwardToken, page_size=1000),),
        books=DEPTHS,
        budget=Budget("requests", 300, 60),  # none is published: 80 at 4.4 a second went through
        refusal=ErrorCodes("code", "msg", success="SUCCESS", meanings={}),
        statuses={"live": "trading", "restricted": "halted"},
    )
    book_call = BOOKS

    async def fetch_listings(self) -> list[Listing]:
        """List the contracts of getMetaData, their coins by name."""
        meta = await self.fetch(META_DATA)
        coins = {coin.coin_id: coin.coin_name for coin in meta.coin_list}

        def without_a_coin(row: _Contract) -> str | None:
            known = {row.base_coin_id, row.quote_coin_id} <= coins.keys()
            return None if known else f"no coin of {row.venue_symbol}"

        return [
            Listing.linear(row, base=coins[row.base_coin_id], quote=coins[row.quote_coin_id])
            for row in self.sifted(meta.contract_list, without_a_coin, META_DATA, "$.data.coinList")
        ]

    async def fetch_markets(self) -> list[MarketRow]:
        """Fetch forecasts of live contracts in one call; tickers, with newer prices, one by one."""
        live = {row.venue_id: row for row in await self.listings() if row.status == "live"}
        rates = await self.fetch(FUNDING, {"contractId": ",".join(filter(None, live))})
        ids = [rate.venue_id for rate in rates]
        tickers = await self.attempt_singles(TICKER, ids, "contractId", named="venue_id")
        return [
            MarketRow.of(tickers.get(rate.venue_id), rate, live[rate.venue_id])
            for rate in rates
            if rate.venue_id in live
        ]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """Fetch one page of settlements; without the filter there would be a row a minute."""
        contract_id = await self.venue_id(symbol)
        params: Params = {
            "contractId": contract_id,
            "size": ask.limit,
            "filterSettlementFundingRate": "true",
            "filterBeginTimeInclusive": ask.start_ms,
            "filterEndTimeExclusive": ask.end_ms + 1,
            **ask.cursor("offsetData"),
        }
        page = await self.fetch(HISTORY, params)
        if isinstance(page, list):  # with success, and empty
            raise UnknownSymbolError(f"knows no contract of {symbol}", venue=self.spec.name)
        paid = [
            Settlement.of(
                row,
                venue_symbol=_named(symbol, contract_id, row.venue_id),
            )
            for row in page.data_list
            if row.is_settlement
        ]
        others = [row.funding_timestamp for row in page.data_list if not row.is_settlement]
        return Page(paid, page.next_page_offset_data, others)

    async def fetch_candles(self, symbol: str, kind: str, ask: Ask) -> CandlePage:
        """Fetch one page of bars, newest first; the end is excluded."""
        contract_id = await self.venue_id(symbol)
        params: Params = {
            "contractId": contract_id,
            "klineType": "HOUR_1",
            "priceType": PRICES[kind],
            "size": ask.limit,
            "filterBeginKlineTimeInclusive": ask.start_ms,
            "filterEndKlineTimeExclusive": ask.end_ms + 1,
            **ask.cursor("offsetData"),
        }
        page = await self.fetch(CANDLES, params)
        if isinstance(page, list):  # with success, and empty
            raise UnknownSymbolError(f"knows no contract of {symbol}", venue=self.spec.name)
        blank = {} if kind == "trade" else {"volume_base": None, "volume_quote": None}
        candles = [
            Candle.of(row, venue_symbol=_named(symbol, contract_id, row.venue_id), **blank)
            for row in page.data_list
        ]
        return CandlePage(candles, page.next_page_offset_data)


def _named(symbol: str, contract_id: str, row_id: str) -> str:
    """Return the symbol, where the row is of its contract."""
    return symbol if row_id == contract_id else f"contract {row_id}"
