"""A small market with its opportunities, as a cycle sees them, made by hand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from funding_platform.core.tables.marts.opportunities import OPPORTUNITIES
from funding_platform.execution.cycle.facts import Seen, VenueState
from funding_platform.execution.cycle.held import HeldPair
from funding_platform.execution.cycle.market import MARKET, LatestMarket, market_frame
from funding_platform.execution.pair.pairs import InstrumentRef

NOW = datetime(2026, 11, 20, 7, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
VENUES = ("aster", "binance", "okx")
RICH = VenueState(
    reachable=True, skew_seconds=0.0, equity_usd=10_000.0, free_usd=10_000.0, maintenance_usd=0.0
)

Row = dict[str, Any]


def instrument(venue: str, base: str, rate: float | None, **more: Any) -> Row:
    """An instrument with one rate, settled and predicted alike, per eight hours; 5 bps a fill."""
    return {
        "venue": venue,
        "venue_symbol": f"{base}USDT",
        "base": base,
        "asset": f"{base} crypto",
        "contract_type": "linear",
        "rate": rate,
        "interval_hours": 8.0,
        "predicted_rate": rate,
        "predicted_interval_hours": 8.0,
        "price": 100.0,
        "volume_24h_usd": 1e8,
        "fee_bps": 4.0,
        "half_spread_bps": 1.0,
        "seen_at": NOW - MINUTE,
        **more,
    }


def market(rows: Iterable[Row], held: Iterable[HeldPair] = (), **more: Any) -> LatestMarket:
    frame = pl.DataFrame(list(rows), schema={name: MARKET[name] for name in MARKET})
    legs = [leg for pair in held for leg in (pair.long, pair.short)]
    return LatestMarket(market_frame(frame, legs), NOW, **more)


def opportunity(base: str, long: str, short: str, **more: Any) -> Row:
    return {
        "base": base,
        "asset": f"{base} crypto",
        "long_venue": long,
        "long_symbol": f"{base}USDT",
        "short_venue": short,
        "short_symbol": f"{base}USDT",
        "divergence_8h": 0.001,
        "cost_bps": 20.0,
        "tier": "actionable",
        "reasons": [],
        "long_observed_at": NOW - MINUTE,
        "short_observed_at": NOW - MINUTE,
        "observed_at": NOW - MINUTE,
        **more,
    }


def opportunities(rows: Iterable[Row]) -> pl.DataFrame:
    return OPPORTUNITIES.conform(pl.DataFrame(list(rows))) if rows else OPPORTUNITIES.empty()


def held(pair_id: str, base: str, long: str, short: str, **more: Any) -> HeldPair:
    return HeldPair(
        **{
            "pair_id": pair_id,
            "base": base,
            "long": InstrumentRef(long, f"{base}USDT"),
            "short": InstrumentRef(short, f"{base}USDT"),
            "notional_usd": 1_000.0,
            "ordered_at": NOW - timedelta(hours=5),
            "memo": 0.001,
            "divergence_8h": 0.001,
            "pnl_usd": 0.0,
            **more,
        }
    )


def seen(
    instruments: Sequence[Row],
    offered: Sequence[Row] = (),
    pairs: Sequence[HeldPair] = (),
    venues: Mapping[str, VenueState] | None = None,
    **more: Any,
) -> Seen:
    frame = opportunities(offered)
    return Seen(
        **{
            "market": market(instruments, pairs),
            "opportunities": frame,
            "opportunities_at": frame["observed_at"].max() if offered else NOW - MINUTE,
            "held": pairs,
            "venues": dict.fromkeys(VENUES, RICH) if venues is None else venues,
            **more,
        }
    )


def poor(**more: Any) -> VenueState:
    """An account that differs from a rich one in what is said."""
    return replace(RICH, **more)
