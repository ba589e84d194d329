"""edgeX V2. V1, on another host, answers with empty data; its contract ids mean nothing here."""

from datetime import UTC, datetime
from typing import Final, Generic, TypeVar

from funding_platform.venues.base import Venue, VenueSpec
from funding_platform.venues.endpoints import Endpoint, ErrorCodes
from funding_platform.venues.errors import UnknownSymbolError
from funding_platform.venues.limits import Budget
from funding_platform.venues.paging import Ask, BackwardToken
from funding_platform.venues.payloads import MaybeReal, Payload, Real, RealOrBlank, Time, product
from funding_platform.venues.records import Listing, Market, Page, Settlement, dollars

T = TypeVar("T")
MINUTE_MS: Final = 60_000


class _Reply(Payload, Generic[T]):
    code: str
    data: T


class _Coin(Payload):
    coin_id: str
    coin_name: str


class _Contract(Payload):
    contract_id: str
    contract_name: str
    base_coin_id: str
    quote_coin_id: str
    enable_trade: bool
    enable_display: bool
    enable_open_position: bool
    funding_rate_interval_min: Real
    tick_size: MaybeReal = None
    min_order_size: MaybeReal = None

    @property
    def status(self) -> str:
        """The three flags in a word."""
        live = self.enable_trade and self.enable_display and self.enable_open_position
        return "live" if live else "restricted"


class _MetaData(Payload):
    coin_list: list[_Coin]
    contract_list: list[_Contract]


class _Funding(Payload):
    """``fundingRate`` was settled at ``fundingTime``; the forecast is for one interval later.

    ``predictedFundingRate`` is the interest part alone, not a prediction.
    """

    contract_id: str
    funding_time: Time
    funding_timestamp: Time  # the minute of the calculation
    funding_rate: Real
    forecast_funding_rate: RealOrBlank  # empty in history
    is_settlement: bool
    funding_rate_interval_min: Real
    mark_price: MaybeReal = None
    index_price: MaybeReal = None


class _FundingPage(Payload):
    data_list: list[_Funding]
    next_page_offset_data: str


class _Ticker(Payload):
    contract_id: str
    mark_price: RealOrBlank
    index_price: RealOrBlank
    open_interest: RealOrBlank  # base units
    value: RealOrBlank  # turnover of 24 hours, in the quote


META_DATA: Final = Endpoint("/api/v2/public/meta/getMetaData", _Reply[_MetaData])
FUNDING: Final = Endpoint("/api/v2/public/funding/getLatestFundingRate", _Reply[list[_Funding]])
TICKER: Final = Endpoint("/api/v2/public/quote/getTicker", _Reply[list[_Ticker]])
# An unknown contract is answered with success and an empty list.
HISTORY: Final = Endpoint(
    "/api/v2/public/funding/getFundingRatePage", _Reply[_FundingPage | list[_Funding]]
)


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
        # None is published: 80 calls at 4.4 a second went through.
        budget=Budget("requests", 300, 60),
        refusal=ErrorCodes("code", "msg", success="SUCCESS", meanings={}),
        statuses={"live": "trading", "restricted": "halted"},
    )

    async def fetch_listings(self) -> list[Listing]:
        """The contracts of getMetaData, their coins by name."""
        meta = (await self.fetch(META_DATA)).data
        coins = {coin.coin_id: coin.coin_name for coin in meta.coin_list}
        for row in meta.contract_list:
            if not {row.base_coin_id, row.quote_coin_id} <= coins.keys():
                raise self.broken(f"no coin of {row.contract_name}", META_DATA, "$.data.coinList")
        return [
            Listing(
                venue_symbol=row.contract_name,
                venue_id=row.contract_id,
                base=coins[row.base_coin_id],
                quote=coins[row.quote_coin_id],
                settle=coins[row.quote_coin_id],
                contract_type="linear",
                status=row.status,
                contract_size=1.0,
                interval_hours=row.funding_rate_interval_min / 60,
                tick_size=row.tick_size,
                min_size=row.min_order_size,
            )
            for row in meta.contract_list
        ]

    async def fetch_markets(self) -> list[Market]:
        """Forecasts of all live contracts in one call; open interest takes one call each."""
        live = {row.venue_id: row for row in await self.listings() if row.status == "live"}
        if not live:
            return []
        answer = await self.fetch(FUNDING, {"contractId": ",".join(filter(None, live))})
        tickers = await self.attempt_each([row.contract_id for row in answer.data], self._ticker)
        return [
            _market(row, listing, tickers.get(row.contract_id))
            for row in answer.data
            if (listing := live.get(row.contract_id)) is not None
        ]

    async def fetch_history(self, symbol: str, ask: Ask) -> Page:
        """One page of settlements; without the filter there would be a row a minute."""
        contract_id = await self.venue_id(symbol)
        params: dict[str, str | int] = {
            "contractId": contract_id,
            "size": ask.limit,
            "filterSettlementFundingRate": "true",
            "filterBeginTimeInclusive": ask.start_ms,
            "filterEndTimeExclusive": ask.end_ms + 1,
        }
        if ask.token:
            params["offsetData"] = ask.token
        page = (await self.fetch(HISTORY, params)).data
        if isinstance(page, list):
            raise UnknownSymbolError(f"knows no contract of {symbol}", venue=self.spec.name)
        return Page(
            [
                _settlement(symbol if row.contract_id == contract_id else row.contract_id, row)
                for row in page.data_list
                if row.is_settlement
            ],
            page.next_page_offset_data,
            [row.funding_timestamp for row in page.data_list if not row.is_settlement],
        )

    async def _ticker(self, contract_id: str) -> _Ticker:
        answer = await self.fetch(TICKER, {"contractId": contract_id})
        if [row.contract_id for row in answer.data] != [contract_id]:
            raise self.broken(f"not the one ticker of {contract_id}", TICKER, "$.data")
        return answer.data[0]


def _market(row: _Funding, listing: Listing, ticker: _Ticker | None) -> Market:
    """The forecast with the ticker's prices, which are newer, where there is a ticker."""
    held = ticker.open_interest if ticker else None
    return Market(
        venue_symbol=listing.venue_symbol,
        predicted_rate=row.forecast_funding_rate,
        interval_hours=row.funding_rate_interval_min / 60,
        next_funding_ms=row.funding_time + int(row.funding_rate_interval_min * MINUTE_MS),
        mark_price=(ticker or row).mark_price,
        index_price=(ticker or row).index_price,
        open_interest_base=held,
        open_interest_usd=dollars(listing.quote, product(held, (ticker or row).mark_price)),
        volume_24h_usd=dollars(listing.quote, ticker.value) if ticker else None,
    )


def _settlement(symbol: str, row: _Funding) -> Settlement:
    hours = row.funding_rate_interval_min / 60
    return Settlement(
        symbol, row.funding_time, row.funding_rate, row.mark_price, row.index_price, hours
    )
