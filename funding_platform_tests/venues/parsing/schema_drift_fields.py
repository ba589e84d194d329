"""The fields on the wire that drive money, by venue and dataset."""

from typing import Literal, NamedTuple

Dataset = Literal["history", "snapshot"]
Kind = Literal["rate", "side", "time", "interval", "price"]


class Field(NamedTuple):
    """A field that drives money: its endpoint, its name on the wire, and what it stands for."""

    path: str
    name: str
    kind: Kind


def fields(path: str, **kinds: str | tuple[str, ...]) -> tuple[Field, ...]:
    """Fields of one endpoint, names by kind."""
    return tuple(
        Field(path, name, kind)  # type: ignore[arg-type]
        for kind, names in kinds.items()
        for name in ((names,) if isinstance(names, str) else names)
    )


_BINANCE: dict[Dataset, tuple[Field, ...]] = {
    "history": fields("/fapi/v1/fundingRate", rate="fundingRate", time="fundingTime"),
    "snapshot": (
        *fields(
            "/fapi/v1/premiumIndex",
            rate="lastFundingRate",
            time="nextFundingTime",
            price="markPrice",
        ),
        *fields("/fapi/v1/fundingInfo", interval="fundingIntervalHours"),
    ),
}

MONEY: dict[str, dict[Dataset, tuple[Field, ...]]] = {
    "binance": _BINANCE,
    "bybit": {
        "history": fields(
            "/v5/market/funding/history", rate="fundingRate", time="fundingRateTimestamp"
        ),
        "snapshot": fields(
            "/v5/market/tickers",
            rate="fundingRate",
            time="nextFundingTime",
            interval="fundingIntervalHour",
            price="markPrice",
        ),
    },
    "okx": {
        "history": fields(
            "/api/v5/public/funding-rate-history", rate="realizedRate", time="fundingTime"
        ),
        "snapshot": (
            *fields(
                "/api/v5/public/funding-rate",
                rate="fundingRate",
                time=("fundingTime", "nextFundingTime"),
            ),
            *fields("/api/v5/public/mark-price", price="markPx"),
        ),
    },
    "hyperliquid": {
        "history": fields("/info#fundingHistory", rate="fundingRate", time="time"),
        "snapshot": fields("/info#metaAndAssetCtxs", rate="funding", price="markPx"),
    },
    "lighter": {
        "history": fields("/api/v1/fundings", rate="rate", side="direction", time="timestamp"),
        "snapshot": (
            *fields("/api/v1/funding-rates", rate="rate"),
            *fields("/api/v1/orderBookDetails", price="mark_price"),
        ),
    },
    "extended": {
        "history": fields("/api/v1/info/{market}/funding", rate="f", time="T"),
        "snapshot": fields(
            "/api/v1/info/markets", rate="fundingRate", time="nextFundingRate", price="markPrice"
        ),
    },
    "backpack": {
        "history": fields("/api/v1/fundingRates", rate="fundingRate", time="intervalEndTimestamp"),
        "snapshot": (
            *fields(
                "/api/v1/markPrices",
                rate="fundingRate",
                time="nextFundingTimestamp",
                price="markPrice",
            ),
            *fields("/api/v1/markets", interval="fundingInterval"),
        ),
    },
    "grvt": {
        "history": fields(
            "/full/v1/funding",
            rate="funding_rate",
            time="funding_time",
            interval="funding_interval_hours",
        ),
        "snapshot": (
            *fields(
                "/full/v1/ticker",
                rate="funding_rate",
                time="next_funding_time",
                price="mark_price",
            ),
            *fields("/full/v1/all_instruments", interval="funding_interval_hours"),
        ),
    },
    "edgex": {
        "history": fields(
            "/api/v2/public/funding/getFundingRatePage",
            rate="fundingRate",
            time="fundingTime",
            interval="fundingRateIntervalMin",
        ),
        "snapshot": (
            *fields(
                "/api/v2/public/funding/getLatestFundingRate",
                rate="forecastFundingRate",
                time="fundingTime",
                interval="fundingRateIntervalMin",
            ),
            *fields("/api/v2/public/quote/getTicker", price="markPrice"),
        ),
    },
    "aster": _BINANCE,
    "coingecko": {
        # The time is not read: whatever becomes of it is harmless, and the cells show it.
        "snapshot": fields(
            "/api/v3/derivatives", rate="funding_rate", time="last_traded_at", price="price"
        ),
    },
    "deribit": {
        "history": fields(
            "/api/v2/public/get_funding_rate_history", rate="interest_1h", time="timestamp"
        ),
        "snapshot": fields(
            "/api/v2/public/get_book_summary_by_currency", rate="funding_8h", price="mark_price"
        ),
    },
    "paradex": {
        "history": fields(
            "/v1/funding/data",
            rate=("funding_index", "funding_premium", "funding_rate"),
            time="created_at",
            interval="funding_period_hours",
        ),
        "snapshot": (
            *fields("/v1/markets/summary", rate="funding_rate", price="mark_price"),
            *fields("/v1/markets", interval="funding_period_hours"),
        ),
    },
    "drift": {
        "history": fields(
            "/market/{symbol}/fundingRates",
            rate="fundingRateLong",
            price="oraclePriceTwap",
            time="ts",
        ),
        "snapshot": (
            *fields("/stats/markets", rate="long"),
            *fields("/l2", price="markPrice"),
        ),
    },
}
"""The fields that drive money, by venue and dataset. The first endpoint is the one whose rows and
body are spoilt."""

ONE_BY_ONE: dict[str, str] = {"grvt": "/full/v1/all_instruments"}
"""Where the snapshot has no list of its own: the list that it asks one by one."""
