"""Filters to try: bounds and costs, drawn so that they can be meant."""

from typing import Any

from hypothesis import strategies as st

from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform_tests.arbitrage.market import BASES, FEES, VENUES

EVERYTHING = 100_000


def _some(names: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(names), min_size=2, max_size=4, unique=True).map(tuple)


BOUNDS: dict[str, st.SearchStrategy[Any]] = {
    "bases": _some(BASES),
    "symbols": st.just(("BTC-OKX", "ETH-BYBIT")),
    "long_venues": _some(VENUES),
    "short_venues": _some(VENUES),
    "exclude_venues": st.just(("drift",)),
    "tiers": _some(("actionable", "watch", "reject")),
    "open_interest_balance": _some(("long_heavy", "balanced", "short_heavy")),
    "min_divergence_8h": st.floats(0, 1e-2),
    "min_net": st.floats(-0.05, 0.05),
    "min_net_apr": st.floats(-2, 2),
    "min_volume_24h_usd": st.floats(0, 1e6),
    "max_volume_24h_usd": st.floats(1e6, 1e9),
    "min_open_interest_usd": st.floats(0, 1e6),
    "max_open_interest_usd": st.floats(1e6, 1e9),
    "min_open_interest_ratio": st.floats(0, 1),
    "max_open_interest_ratio": st.floats(1, 1e3),
    "max_spread_bps": st.floats(0, 30),
    "max_price_gap_bps": st.floats(0, 60),
    "min_persistence": st.floats(0, 1),
    "min_half_life_hours": st.floats(0, 1e3),
}
"""A value for each field that bounds rows; ``venues`` would contradict the two legs' ones."""

COSTS: dict[str, st.SearchStrategy[Any]] = {
    "horizon": st.sampled_from(["8h", "1d", "3d", "7d"]),
    "fee_mode": st.sampled_from(["taker", "maker"]),
    "size_usd": st.sampled_from([1_000.0, 10_000.0, 250_000.0]),
    "fee_tiers": st.lists(st.sampled_from(sorted(FEES)), unique_by=lambda key: key[0]).map(dict),
}


def stated(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of the fields, with values."""
    return st.fixed_dictionaries({}, optional=fields)


def costs() -> st.SearchStrategy[OpportunityFilter]:
    """Filters that leave nothing out, each with costs of its own."""
    return stated(COSTS).map(lambda fields: OpportunityFilter(**fields, limit=EVERYTHING))
