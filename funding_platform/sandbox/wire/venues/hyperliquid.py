"""Hyperliquid: ``POST /info`` with ``{"type": ...}``.

History ascends from ``startTime``, both bounds inclusive, 500 rows at most. An unknown coin gives
HTTP 500 with the body ``null``. Contexts pair with the universe by position; delisted coins stay
in both. Builders' exchanges (HIP-3) are those whose name stands before the colon of a symbol, as
in ``xyz:AAPL``; each is asked for by it, and has a collateral of its own. What the market does not
know is ``null``.
"""

from collections.abc import Mapping
from typing import Any

from funding_platform.core.symbols import canonical_base
from funding_platform.sandbox.limits import Budget, Limits
from funding_platform.sandbox.markets.market import (
    Contract,
    Instrument,
    Quote,
    SpotStyle,
    VenueStyle,
)
from funding_platform.sandbox.wire.contract import (
    Cost,
    Handler,
    ParameterError,
    Reply,
    Request,
    Route,
    Wire,
    WireError,
    rows_text,
)
from funding_platform.sandbox.wire.decimals import decimals_of, shortest
from funding_platform.sandbox.wire.listings.hyperliquid import pair, read_pair, spot_meta
from funding_platform.sandbox.wire.paging import oldest

_PAGE = 500
_ROWS_PER_WEIGHT = 20
_RATE_DECIMALS = 10
_TIERS = 50

_BUILDER = "xyz"
_COLLATERAL = {"": 0, _BUILDER: 0}
_OTHER_TOKEN = 360
_TOKENS = {0: "USDC", _OTHER_TOKEN: "USDH"}

STYLE = VenueStyle(
    venue="hyperliquid",
    spell=lambda contract: contract.base,
    read=lambda symbol: Contract(symbol, "USD", "linear"),
    quotes=("USD",),
    intervals={1: 1.0},
    rate_decimals=_RATE_DECIMALS,
    rate_cap=0.04,
    multipliers={coin: f"k{coin}" for coin in ("PEPE", "SHIB", "BONK", "FLOKI", "LUNC")},
    jitter_ms=(8, 99),
    spot=SpotStyle(quote="USDC", spell=pair, read=read_pair, alone=("PURR",)),
    tradfi={base: f"{_BUILDER}:{base}" for base in ("AAPL", "XAU", "TSLA", "EUR", "SP500")},
)

NULL = Reply(b"null", status=500)


def number(value: float | None, decimals: int = _RATE_DECIMALS) -> str | None:
    """Spell a number as the venue does: at most so many decimals, at least one."""
    return None if value is None else shortest(round(value, decimals))


def dex_of(symbol: str) -> str:
    """Find the builder's exchange that a symbol names; empty for core."""
    return symbol.rpartition(":")[0]


def dexs(request: Request) -> list[str]:
    """Every exchange that lists something, core first."""
    return ["", *sorted({dex_of(i.venue_symbol) for i in request.instruments} - {""})]


def _asked_dex(request: Request) -> str:
    dex = request.text("dex") or ""
    if dex not in dexs(request):
        raise WireError(NULL)
    return dex


def _meta(request: Request) -> dict[str, Any]:
    dex = _asked_dex(request)
    listed = [i for i in request.instruments if dex_of(i.venue_symbol) == dex]
    tier = {"description": "", "marginTiers": [{"lowerBound": "0.0", "maxLeverage": 50}]}
    return {
        "universe": [_asset(i, request.now_ms) for i in listed],
        "marginTables": [[_TIERS, tier]],
        "collateralToken": _COLLATERAL.get(dex, _OTHER_TOKEN),
    }


def _asset(instrument: Instrument, now_ms: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        "szDecimals": decimals_of(instrument.size_step),
        "name": instrument.venue_symbol,
        "maxLeverage": 50,
        "marginTableId": _TIERS,
    }
    return row if instrument.trades_at(now_ms) else {**row, "isDelisted": True}


def context(quote: Quote | None) -> dict[str, Any]:
    """Write the market of one coin; None is one that no longer trades."""
    if quote is None:
        return {
            "funding": "0.0", "openInterest": "0.0", "prevDayPx": "0.0", "dayNtlVlm": "0.0",
            "premium": None, "oraclePx": "0.0", "markPx": "0.0", "midPx": None,
            "impactPxs": None, "dayBaseVlm": "0.0",
        }  # fmt: skip
    places = decimals_of(quote.instrument.tick_size) + 1
    mark, volume, bid, ask = quote.mark, quote.volume_24h, quote.bid, quote.ask
    book = None if bid is None or ask is None else (bid, ask)
    return {
        "funding": shortest(quote.predicted_rate),
        "openInterest": number(quote.open_interest),
        "prevDayPx": number(quote.price_24h_ago, places),
        "dayNtlVlm": None if mark is None or volume is None else number(volume * mark),
        "premium": number(quote.premium),
        "oraclePx": number(quote.index, places),
        "markPx": number(mark, places),
        "midPx": book and number(sum(book) / 2, places),
        "impactPxs": book and [number(price, places) for price in book],
        "dayBaseVlm": number(volume),
    }


def _meta_and_contexts(request: Request) -> Reply:
    meta, quotes = _meta(request), request.quotes
    contexts = [context(quotes.get(asset["name"])) for asset in meta["universe"]]
    return Reply.json([meta, contexts], rows=len(contexts))


def _perp_dexs(request: Request) -> Reply:
    """Core as null, then the builders' exchanges with what scales their funding."""
    builders = [
        {
            "name": dex,
            "fullName": dex.upper(),
            "assetToFundingMultiplier": [
                [i.venue_symbol, "0.5"]
                for i in request.instruments
                if dex_of(i.venue_symbol) == dex
            ],
        }
        for dex in dexs(request)[1:]
    ]
    return Reply.json([None, *builders], rows=1 + len(builders))


def _funding_history(request: Request) -> Reply:
    coin, start = request.required("coin"), request.integer("startTime")
    if start is None:
        raise ParameterError("startTime")
    if request.instrument(coin) is None:
        raise WireError(NULL)
    history = request.settlements(coin)
    page = history.slice(oldest(history.times_ms, start, request.integer("endTime"), _PAGE))
    rates = page.rates.tolist()
    template = f'{{"coin":"{coin}","fundingRate":"%s","premium":"%s","time":%d}}'
    columns = (map(shortest, rates), map(_implied_premium, rates), page.times_ms.tolist())
    return Reply(f"[{rows_text(template, columns)}]".encode(), rows=len(rates))


def _implied_premium(rate: float) -> str:
    """Compute the premium that gives an hourly rate when it lies outside the damped band.

    From ``8 * rate = premium + clip(interest - premium, -0.0005, 0.0005)``; inside the band, where
    the rate says nothing of the premium, the interest itself.
    """
    gap = 8 * rate - 0.0001
    return shortest(round(8 * rate + (0.0005 if gap > 0 else -0.0005 if gap < 0 else 0.0), 10))


def _predicted_fundings(request: Request) -> Reply:
    """Answer with every coin's estimate here and on two other venues, each per own interval."""
    elsewhere = {name: _main_quotes(request, venue) for name, venue in
                 (("BinPerp", "binance"), ("BybitPerp", "bybit"))}  # fmt: skip
    rows = []
    for coin, quote in request.quotes.items():
        if dex_of(coin):  # of the first exchange only
            continue
        base = canonical_base(coin).base
        rows.append(
            [
                coin,
                [
                    ["BinPerp", _prediction(elsewhere["BinPerp"].get(base))],
                    ["HlPerp", _prediction(quote)],
                    ["BybitPerp", _prediction(elsewhere["BybitPerp"].get(base))],
                ],
            ]
        )
    return Reply.json(rows, rows=len(rows))


def _main_quotes(request: Request, venue: str) -> dict[str, Quote]:
    quotes = request.market.quotes(venue).values()
    return {
        canonical_base(q.instrument.contract.base).base: q
        for q in quotes
        if q.instrument.contract.quote == "USDT"
    }


def _prediction(quote: Quote | None) -> dict[str, Any] | None:
    if quote is None or quote.next_funding_ms is None:
        return None
    return {
        "fundingRate": shortest(quote.predicted_rate),
        "nextFundingTime": quote.next_funding_ms,
        "fundingIntervalHours": quote.interval_hours,
    }


def _all_mids(request: Request) -> Reply:
    dex = _asked_dex(request)
    quotes = {coin: quote for coin, quote in request.quotes.items() if dex_of(coin) == dex}
    mids = {coin: context(quote)["midPx"] for coin, quote in quotes.items()}
    known = {coin: mid for coin, mid in mids.items() if mid is not None}
    return Reply.json(known, rows=len(known))


def _spot_meta(request: Request) -> Reply:
    """Answer with the tokens that collateral refers to, and the pairs of the spot market."""
    meta = spot_meta(request.spot_markets)
    known = {token["index"] for token in meta["tokens"]}
    meta["tokens"] += [
        {"name": name, "szDecimals": 8, "weiDecimals": 8, "index": index, "isCanonical": True}
        for index, name in _TOKENS.items()
        if index not in known
    ]
    return Reply.json(meta, rows=len(meta["tokens"]))


def _weighs(units: int) -> Cost:
    return lambda request, rows: {"ip": units}


def _history_weight(request: Request, rows: int) -> Mapping[str, int]:
    return {"ip": 20 + rows // _ROWS_PER_WEIGHT}


def info(kind: str, handler: Handler, cost: Cost) -> Route:
    """Make the route of one kind of request."""
    return Route("/info", handler, method="POST", kind=kind, cost=cost)


WIRE = Wire(
    style=STYLE,
    routes=(
        info("meta", lambda request: Reply.json(_meta(request)), _weighs(20)),
        info("metaAndAssetCtxs", _meta_and_contexts, _weighs(20)),
        info("fundingHistory", _funding_history, _history_weight),
        info("perpDexs", _perp_dexs, _weighs(20)),
        info("predictedFundings", _predicted_fundings, _weighs(20)),
        info("spotMeta", _spot_meta, _weighs(20)),
        info("allMids", _all_mids, _weighs(2)),
    ),
    limits=Limits(budgets={"ip": Budget(1_200, 60)}),
    bad_parameter=lambda name, now_ms: Reply.text(
        "Failed to deserialize the JSON body into the target type", status=422
    ),
    refusal=lambda status, now_ms: Reply(b"null", status),
    not_found=Reply.text("Failed to deserialize the JSON body into the target type", status=422),
)
