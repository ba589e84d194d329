"""edgeX V2: ``/api/v2/public``, contracts by number.

Every answer is HTTP 200; errors have a ``code`` other than SUCCESS, and an unknown contract gives
SUCCESS with an empty list. History comes newest first, by cursor, its end excluded; without the
settlement filter there is a row a minute. Numbers and times are strings, empty where unknown.

Bars are in ``candles.edgex``.
"""

from typing import Any
from zlib import crc32

import numpy as np

from funding_platform.core.time_grid import DAY_MS
from funding_platform.sandbox.limits import Limits
from funding_platform.sandbox.markets.market import Contract, Instrument, Quote, VenueStyle
from funding_platform.sandbox.markets.series import Settlements, Times
from funding_platform.sandbox.wire.contract import Reply, Request, Route, Wire, thousands
from funding_platform.sandbox.wire.decimals import decimals_of, fixed, rounded, trimmed
from funding_platform.sandbox.wire.paging import newest, within

_QUOTE = "USDC"
_QUOTE_COIN = "1000"
_PAGE = 100
_MINUTE_MS = 60_000
_INTERVAL_MINUTES = 240

STYLE = VenueStyle(
    venue="edgex",
    spell=lambda contract: contract.base + contract.quote,
    read=lambda symbol: (
        Contract(symbol.removesuffix(_QUOTE), _QUOTE, "linear")
        if symbol.endswith(_QUOTE) and symbol != _QUOTE
        else None
    ),
    quotes=(_QUOTE,),
    intervals={4: 1.0},
    rate_decimals=8,
    rate_cap=0.01,
    multipliers=thousands("1000"),
    marks_settlements=True,
)


def contract_id(symbol: str) -> str:
    """Return the number of a contract, which stays as others are listed."""
    return str(30_000_000_000 + crc32(symbol.encode()))


def _coin_id(base: str) -> str:
    return str(20_000_000_000 + crc32(base.encode()))


def reply_with(data: Any, now_ms: int, *, rows: int = 0) -> Reply:
    """Write a good answer."""
    return Reply.json({"code": "SUCCESS", "data": data, **_envelope(now_ms)}, rows=rows)


def _envelope(now_ms: int, message: str | None = None) -> dict[str, Any]:
    stamp = str(now_ms)
    return {
        "msg": message, "errorParam": None, "requestTime": stamp, "responseTime": stamp,
        "traceId": f"{now_ms:032x}",
    }  # fmt: skip


def _error(code: str, message: str, now_ms: int, *, status: int = 200) -> Reply:
    document = {"code": code, "data": None, **_envelope(now_ms, message)}
    return Reply.json(document, status=status)


_SAME_FOR_ALL = {
    "maxOrderSize": "1000000", "maxOrderBuyPriceRatio": "0.05", "minOrderSellPriceRatio": "0.05",
    "maxPositionSize": "10000000", "maxMarketPositionSize": "1000000",
    "defaultTakerFeeRate": "0.00045", "defaultMakerFeeRate": "0.0004", "defaultLeverage": "10",
    "liquidateFeeRate": "0.01", "tpslSpreadProtectionThreshold": "0.05", "enableDisplay": True,
    "enableOpenPosition": True, "fundingInterestRate": "0.0003",
    "fundingImpactMarginNotional": "10", "fundingQuoteImpactMarginNotional": "10",
    "displayMaxLeverage": "50", "displayMinLeverage": "1", "displayNewIcon": False,
    "displayHotIcon": False, "matchServerName": "edgex-match-server",
    "resolution": "10000000000", "oraclePriceQuorum": "1", "openSizeReduceRatio": "0.99",
    "isStock": False, "isFx": False,
}  # fmt: skip


def _meta_data(request: Request) -> Reply:
    contracts = [_contract(instrument, request.now_ms) for instrument in request.instruments]
    bases = sorted({instrument.contract.base for instrument in request.instruments})
    coins = [{"coinId": _QUOTE_COIN, "coinName": _QUOTE}]
    coins += [{"coinId": _coin_id(base), "coinName": base} for base in bases]
    data = {
        "global": {"collateralCoinId": _QUOTE_COIN, "maxFundingRate": 12_000},
        "coinList": coins,
        "contractList": contracts,
    }
    return reply_with(data, request.now_ms, rows=len(contracts))


def _contract(instrument: Instrument, now_ms: int) -> dict[str, Any]:
    tick, step = trimmed(instrument.tick_size), trimmed(instrument.size_step)
    return {
        **_SAME_FOR_ALL,
        "contractId": contract_id(instrument.venue_symbol),
        "contractName": instrument.venue_symbol,
        "baseCoinId": _coin_id(instrument.contract.base),
        "quoteCoinId": _QUOTE_COIN,
        "tickSize": tick,
        "stepSize": step,
        "minOrderSize": step,
        "enableTrade": instrument.trades_at(now_ms),
        "fundingMaxRate": trimmed(instrument.rate_cap),
        "fundingMinRate": trimmed(-instrument.rate_cap),
        "fundingRateIntervalMin": str(_minutes(instrument.interval_at(now_ms))),
        "displayDigitMerge": tick,
        "syntheticAssetId": hex(crc32(instrument.venue_symbol.encode())),
    }


def _minutes(hours: int | None) -> int:
    return _INTERVAL_MINUTES if hours is None else 60 * hours


def named_in(request: Request) -> dict[str, Instrument]:
    """Find the contracts that ``contractId`` names, by number; unknown ones are passed over."""
    by_id = {contract_id(i.venue_symbol): i for i in request.instruments}
    asked = (request.text("contractId") or "").split(",")
    return {number: by_id[number] for number in asked if number in by_id}


def _latest(request: Request) -> Reply:
    quotes = request.quotes
    rows = [
        _latest_row(number, quotes[instrument.venue_symbol], request.now_ms)
        for number, instrument in named_in(request).items()
        if instrument.venue_symbol in quotes
    ]
    return reply_with(rows, request.now_ms, rows=len(rows))


def _latest_row(number: str, quote: Quote, now_ms: int) -> dict[str, Any]:
    minute = str(now_ms // _MINUTE_MS * _MINUTE_MS)
    places = decimals_of(quote.instrument.tick_size)
    mark, settled = rounded(quote.mark, places + 12), fixed(quote.last_rate or 0.0, 8)
    premium = rounded(quote.premium, 8)
    return {
        "contractId": number,
        "fundingTime": str(quote.last_funding_ms or 0),
        "fundingTimestamp": minute,
        "oraclePrice": mark,
        "markPrice": mark,
        "indexPrice": rounded(quote.index, places + 4),
        "fundingRate": settled,
        "isSettlement": False,
        "forecastFundingRate": fixed(quote.predicted_rate, 8),
        "previousFundingRate": settled,
        "previousFundingTimestamp": str(now_ms // _MINUTE_MS * _MINUTE_MS - _MINUTE_MS),
        "premiumIndex": premium,
        "avgPremiumIndex": premium,
        "premiumIndexTimestamp": minute,
        "impactMarginNotional": "100",
        "impactAskPrice": rounded(quote.ask, places),
        "impactBidPrice": rounded(quote.bid, places),
        "interestRate": "0.0003",
        "predictedFundingRate": "0.00005000",
        "fundingRateIntervalMin": str(_minutes(quote.interval_hours)),
        "fundingIndex": mark,
    }


def _ticker(request: Request) -> Reply:
    named = named_in(request)
    quotes = request.quotes
    rows = [
        ticker_row(number, quotes[instrument.venue_symbol], request.now_ms)
        for number, instrument in named.items()
        if len(named) == 1 and instrument.venue_symbol in quotes
    ]
    return reply_with(rows, request.now_ms, rows=len(rows))


def ticker_row(number: str, quote: Quote, now_ms: int) -> dict[str, Any]:
    """Write a contract as its ticker shows it."""
    places = decimals_of(quote.instrument.tick_size)
    last, before, volume = quote.mark, quote.price_24h_ago, quote.volume_24h
    high, low = quote.range_24h
    change = None if last is None or before is None else last - before
    mark = rounded(last, places + 12)
    return {
        "contractId": number,
        "contractName": quote.instrument.venue_symbol,
        "priceChange": rounded(change, places),
        "priceChangePercent": "" if change is None or not before else f"{change / before:.6f}",
        "trades": "" if volume is None else str(int(volume) + 1),
        "size": rounded(volume, 3),
        "value": "" if volume is None or last is None else f"{volume * last:.4f}",
        "high": rounded(high, places),
        "low": rounded(low, places),
        "open": rounded(before, places),
        "close": rounded(last, places),
        "highTime": str(now_ms - DAY_MS // 2),
        "lowTime": str(now_ms - DAY_MS // 3),
        "startTime": str(now_ms - DAY_MS),
        "endTime": str(now_ms),
        "lastPrice": rounded(last, places),
        "indexPrice": rounded(quote.index, places + 4),
        "oraclePrice": mark,
        "markPrice": mark,
        "openInterest": rounded(quote.open_interest, 3),
        "fundingRate": fixed(quote.predicted_rate, 8),
        "fundingTime": str(quote.last_funding_ms or 0),
        "nextFundingTime": str(quote.next_funding_ms or 0),
    }


def _funding_page(request: Request) -> Reply:
    request.required("contractId")
    named = named_in(request)
    if not named:
        return reply_with([], request.now_ms)
    ((number, instrument),) = list(named.items())[:1]
    history = request.settlements(instrument.venue_symbol)
    settled_only = request.text("filterSettlementFundingRate") == "true"
    stamps = history.times_ms if settled_only else _minutes_until(request.now_ms)
    rows, cursor = _newest_first(stamps, request)
    latest = np.searchsorted(history.times_ms, stamps[rows], side="right") - 1
    found = [
        _history_row(number, instrument, history, int(at), stamp)
        for stamp, at in zip(stamps[rows].tolist(), latest.tolist(), strict=True)
        if at >= 0
    ]
    data = {"dataList": found[::-1], "nextPageOffsetData": cursor}
    return reply_with(data, request.now_ms, rows=len(found))


def _minutes_until(now_ms: int) -> Times:
    """List the minutes of the last day, for those who forget the settlement filter."""
    last = now_ms // _MINUTE_MS
    return np.arange(last - 1_440, last + 1, dtype=np.int64) * _MINUTE_MS


def _newest_first(stamps: Times, request: Request) -> tuple[slice, str]:
    """Select the page's rows and the cursor of the next one, which is the time that it ends at."""
    start, end = (
        request.integer(name) for name in ("filterBeginTimeInclusive", "filterEndTimeExclusive")
    )
    last = request.integer("offsetData") or (None if end is None else end - 1)
    size = max(1, min(request.integer("size") or 10, _PAGE))
    rows = newest(stamps, start, last, size)
    more = rows.start > within(stamps, start, last)[0]
    return rows, str(int(stamps[rows.start]) - 1) if more else ""


def _history_row(
    number: str, instrument: Instrument, history: Settlements, at: int, stamp: int
) -> dict[str, Any]:
    """Write a minute, and the settlement that was the latest then."""
    settled_ms, rate = int(history.times_ms[at]), fixed(float(history.rates[at]), 8)
    price = np.nan if history.marks is None else float(history.marks[at])
    mark = "" if np.isnan(price) else trimmed(price)
    before = max(0, at - 1)
    return {
        "contractId": number,
        "fundingTime": str(settled_ms),
        "fundingTimestamp": str(stamp),
        "oraclePrice": mark,
        "markPrice": mark,
        "indexPrice": mark,
        "fundingRate": rate,
        "isSettlement": stamp == settled_ms,
        "forecastFundingRate": "",
        "previousFundingRate": fixed(float(history.rates[before]), 8),
        "previousFundingTimestamp": str(stamp - _MINUTE_MS),
        "premiumIndex": "0",
        "avgPremiumIndex": "0",
        "premiumIndexTimestamp": str(stamp),
        "impactMarginNotional": "100",
        "impactAskPrice": mark,
        "impactBidPrice": mark,
        "interestRate": "0.0003",
        "predictedFundingRate": "0.00005000",
        "fundingRateIntervalMin": str(_minutes(instrument.interval_at(settled_ms))),
        "fundingIndex": mark,
    }


WIRE = Wire(
    style=STYLE,
    routes=(
        Route("/api/v2/public/meta/getMetaData", _meta_data),
        Route("/api/v2/public/funding/getLatestFundingRate", _latest),
        Route("/api/v2/public/funding/getFundingRatePage", _funding_page),
        Route("/api/v2/public/quote/getTicker", _ticker),
    ),
    limits=Limits(budgets={}),  # none is published
    bad_parameter=lambda name, now_ms: _error("INVALID_ARGUMENT", f"invalid {name}", now_ms),
    refusal=lambda status, now_ms: _error("UNAVAILABLE", "try again later", now_ms, status=status),
    not_found=Reply.text("404 page not found", status=404),
)
