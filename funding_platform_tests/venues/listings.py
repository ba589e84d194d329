"""The shortest list of instruments that each venue's adapter can read: one perpetual on BTC."""

from typing import Any

from funding_platform_tests.venues.server import Answer, Params, Route

BINANCE = {
    "symbols": [
        {"symbol": "BTCUSDT", "status": "TRADING", "contractType": "PERPETUAL",
         "baseAsset": "BTC", "quoteAsset": "USDT"}
    ]
}  # fmt: skip


def _bybit(params: Params) -> Answer:
    symbol, quote = {
        "linear": ("BTCUSDT", "USDT"),
        "inverse": ("BTCUSD", "USD"),
        "spot": ("BTCUSDT", "USDT"),
    }[params["category"]]
    row = {
        "symbol": symbol, "contractType": f"{params['category'].capitalize()}Perpetual",
        "status": "Trading", "baseCoin": "BTC", "quoteCoin": quote, "settleCoin": "BTC",
        "launchTime": "0", "fundingInterval": 480, "priceFilter": {}, "lotSizeFilter": {},
    }  # fmt: skip
    return Answer({"retCode": 0, "result": {"list": [row], "nextPageCursor": ""}})


def _okx(params: Params) -> Answer:
    row = {
        "instId": "BTC-USDT-SWAP" if params["instType"] == "SWAP" else "BTC-USDT",
        "instFamily": "BTC-USDT", "ctType": "linear", "ctVal": "0.01", "ctMult": "1",
        "settleCcy": "USDT", "tickSz": "0.1", "minSz": "1", "state": "live", "listTime": "",
        "baseCcy": "BTC", "quoteCcy": "USDT",
    }  # fmt: skip
    return Answer({"code": "0", "msg": "", "data": [row]})


HYPERLIQUID: dict[str, Any] = {
    "metaAndAssetCtxs": [
        {"universe": [{"name": "BTC", "szDecimals": 5}]},
        [{"funding": "0", "openInterest": "1", "markPx": "1", "oraclePx": "1", "dayNtlVlm": "1"}],
    ],
    "perpDexs": [None],
    "spotMeta": {
        "tokens": [
            {"name": "USDC", "index": 0},
            {"name": "PURR", "index": 1},
            {"name": "UBTC", "index": 197},
        ],
        "universe": [
            {"name": "PURR/USDC", "tokens": [1, 0]},
            {"name": "@142", "tokens": [197, 0]},
        ],
    },
}
DERIBIT = {
    "result": [
        {"instrument_name": "BTC-PERPETUAL", "instrument_type": "reversed", "is_active": True,
         "base_currency": "BTC", "quote_currency": "USD", "settlement_currency": "BTC",
         "contract_size": 10, "tick_size": 0.5, "min_trade_amount": 10,
         "creation_timestamp": 1534242287000, "settlement_period": "perpetual"}
    ]
}  # fmt: skip
LIGHTER = {
    "code": 200,
    "order_book_details": [
        {"symbol": "BTC", "market_id": 7, "market_type": "perp", "status": "active"}
    ],
}
EXTENDED = {
    "status": "OK",
    "data": [
        {"name": "BTC-USD", "assetName": "BTC", "collateralAssetName": "USD", "status": "ACTIVE",
         "tradingConfig": {}}
    ],
}  # fmt: skip
PARADEX = {
    "results": [
        {"symbol": "BTC-USD-PERP", "asset_kind": "PERP", "base_currency": "BTC",
         "quote_currency": "USD", "settlement_currency": "USDC", "funding_period_hours": 8}
    ]
}  # fmt: skip
EDGEX = {
    "code": "SUCCESS",
    "data": {
        "coinList": [
            {"coinId": "1", "coinName": "BTC"},
            {"coinId": "1000", "coinName": "USDC"},
        ],
        "contractList": [
            {"contractId": "10000002", "contractName": "BTCUSD", "fundingRateIntervalMin": "240",
             "baseCoinId": "1", "quoteCoinId": "1000", "enableTrade": True,
             "enableDisplay": True, "enableOpenPosition": True}
        ],
    },
}  # fmt: skip
GRVT = {
    "result": [
        {"instrument": "BTC_USDT_Perp", "base": "BTC", "quote": "USDT", "kind": "PERPETUAL",
         "funding_interval_hours": 8}
    ]
}  # fmt: skip


def _backpack(symbol: str, kind: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "baseSymbol": symbol.split("_")[0],
        "quoteSymbol": "USDC",
        "marketType": kind,
        "orderBookState": "Open",
        "fundingInterval": 3_600_000 if kind == "PERP" else None,
        "filters": {"price": {}, "quantity": {}},
    }


BACKPACK = [_backpack("BTC_USDC_PERP", "PERP"), _backpack("SOL_USDC", "SPOT")]
DRIFT = {
    "markets": [
        {"symbol": "BTC-PERP", "marketType": "perp", "status": "active", "uiStatus": "active",
         "baseAsset": "BTC", "quoteAsset": "USDC", "limits": {}, "oraclePrice": "1",
         "markPrice": "1", "quoteVolume": "1", "openInterest": {"long": "1", "short": "-1"},
         "fundingRate": {"long": "0.1"}}
    ]
}  # fmt: skip
LISTINGS: dict[str, dict[str, Route]] = {
    "binance": {
        "/fapi/v1/exchangeInfo": Answer(BINANCE),
        "/fapi/v1/fundingInfo": Answer([]),
        "/api/v3/exchangeInfo": Answer(BINANCE),
    },
    "bybit": {"/v5/market/instruments-info": _bybit},
    "okx": {"/api/v5/public/instruments": _okx},
    "aster": {"/fapi/v1/exchangeInfo": Answer(BINANCE), "/fapi/v1/fundingInfo": Answer([])},
    "lighter": {"/api/v1/orderBookDetails": Answer(LIGHTER)},
    "extended": {"/api/v1/info/markets": Answer(EXTENDED)},
    "paradex": {"/v1/markets": Answer(PARADEX)},
    "edgex": {"/api/v2/public/meta/getMetaData": Answer(EDGEX)},
    "grvt": {"/full/v1/all_instruments": Answer(GRVT)},
    "backpack": {"/api/v1/markets": Answer(BACKPACK)},
    "drift": {"/stats/markets": Answer(DRIFT)},
    "deribit": {"/api/v2/public/get_instruments": Answer(DERIBIT)},
}
"""Routes by venue; Hyperliquid, which has one path for all, is ``HYPERLIQUID``."""


def with_listings(venue: str, routes: dict[str, Route]) -> dict[str, Route]:
    """Those routes, and beside them what the venue lists."""
    if venue != "hyperliquid":
        return {**LISTINGS.get(venue, {}), **routes}
    other = routes["/info"]

    def info(params: Params) -> Answer:
        if params["type"] in HYPERLIQUID:
            return Answer(HYPERLIQUID[params["type"]])
        return other(params) if callable(other) else other  # type: ignore[return-value]

    return {"/info": info}
