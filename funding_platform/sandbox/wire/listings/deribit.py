"""Deribit: rows of ``get_instruments``."""

from typing import Any

from funding_platform.sandbox.markets.market import Instrument

_NEVER_MS = 32_503_708_800_000


def instrument_row(instrument: Instrument, identity: int, now_ms: int) -> dict[str, Any]:
    """Write a contract's row."""
    base, quote, contract_type = instrument.contract
    kind = "reversed" if contract_type == "inverse" else "linear"
    size = instrument.contract_size
    return {
        "price_index": f"{base}_{quote}".lower(),
        "kind": "future",
        "instrument_name": instrument.venue_symbol,
        "max_leverage": 50,
        "maker_commission": 0.0,
        "taker_commission": 0.0005,
        "instrument_type": kind,
        "expiration_timestamp": _NEVER_MS,
        "creation_timestamp": instrument.listed_ms,
        "is_active": instrument.trades_at(now_ms),
        "tick_size": instrument.tick_size,
        "contract_size": size,
        "instrument_id": identity,
        "min_trade_amount": size * instrument.size_step,
        "future_type": kind,
        "max_liquidation_commission": 0.0075,
        "block_trade_commission": 0.00025,
        "block_trade_min_trade_amount": 200_000,
        "block_trade_tick_size": instrument.tick_size,
        "settlement_currency": instrument.settle,
        "settlement_period": "perpetual",
        "base_currency": base,
        "counter_currency": quote,
        "quote_currency": quote,
        "tick_size_steps": [],
    }
