"""CoinGecko: ``/api/v3/derivatives``, the contracts of the other venues under one roof.

Rates are in percent, for as long as the venue's own live rates are, which is not told: mostly its
interval, eight hours at Deribit. Open interest and volume are in US dollars, times in seconds. It
lists nothing of its own. What the market does not know is null.
"""

from typing import Any

from funding_platform.core.symbols import canonical_base
from funding_platform.sandbox.limits import Budget, Limits
from funding_platform.sandbox.markets.market import Quote, VenueStyle
from funding_platform.sandbox.wire.contract import Reply, Request, Route, Wire, one_of
from funding_platform.sandbox.wire.decimals import trimmed
from funding_platform.sandbox.wire.venues import deribit

_MARKETS = {
    "binance": "Binance (Futures)", "bybit": "Bybit (Futures)", "okx": "OKX (Futures)",
    "hyperliquid": "Hyperliquid (Futures)", "deribit": "Deribit", "lighter": "Lighter",
    "extended": "Extended", "paradex": "Paradex", "edgex": "edgeX", "grvt": "GRVT",
    "backpack": "Backpack Exchange (Futures)", "aster": "Aster (Futures)",
    "drift": "Drift Protocol",
}  # fmt: skip
"""How CoinGecko calls the venues."""

STYLE = VenueStyle(
    venue="coingecko",
    spell=lambda contract: contract.base,
    read=lambda symbol: None,
    quotes=(),
    intervals={},
    rate_decimals=6,
    rate_cap=0.0,
)


def _derivatives(request: Request) -> Reply:
    rows = [
        _row(name, quote, _live_rate(venue, quote), request.now_ms)
        for venue, name in _MARKETS.items()
        for quote in request.market.quotes(venue).values()
    ]
    return Reply.json(rows, rows=len(rows))


def _live_rate(venue: str, quote: Quote) -> float:
    """Return the rate that the venue publishes: that of its interval, except for Deribit."""
    return deribit.rolling_rate(quote) if venue == "deribit" else quote.predicted_rate


def _row(market: str, quote: Quote, rate: float, now_ms: int) -> dict[str, Any]:
    mark, before, index = quote.mark, quote.price_24h_ago, quote.index
    spread = _relative(quote.ask, quote.bid)
    return {
        "market": market,
        "symbol": quote.instrument.venue_symbol,
        "index_id": canonical_base(quote.instrument.contract.base).base,
        "price": None if mark is None else trimmed(mark),
        "price_percentage_change_24h": _relative(mark, before),
        "contract_type": "perpetual",
        "index": index,
        "basis": _relative(index, mark),
        "spread": None if spread is None else round(spread, 2),
        "funding_rate": round(100 * rate, 6),
        "open_interest": _dollars(quote.open_interest, mark),
        "volume_24h": _dollars(quote.volume_24h, mark),
        "last_traded_at": now_ms // 1_000,
        "expired_at": None,
    }


def _relative(value: float | None, base: float | None) -> float | None:
    """Compute by how many percent a price lies above another."""
    return None if value is None or not base else 100 * (value / base - 1)


def _dollars(amount: float | None, price: float | None) -> float | None:
    return None if amount is None or price is None else amount * price


def _error(code: int, message: str, status: int) -> Reply:
    return Reply.json({"status": {"error_code": code, "error_message": message}}, status=status)


WIRE = Wire(
    style=STYLE,
    routes=(Route("/api/v3/derivatives", _derivatives, cost=one_of("calls")),),
    limits=Limits(budgets={"calls": Budget(100, 60)}),
    bad_parameter=lambda name, now_ms: _error(400, f"Invalid {name}", 400),
    refusal=lambda status, now_ms: _error(status, "You've exceeded the Rate Limit.", status),
    not_found=_error(404, "Incorrect path.", 404),
)
