"""Rows of ``marts.opportunities``, worked out one by one from facts, and a lake that holds them.

The formulas are written anew from the table's own descriptions, so that what the reader works out
in SQL has something to be held against.
"""

import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import duckdb
import polars as pl

from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform.core.tables.fees import FEE_HISTORY
from funding_platform.core.tables.marts.opportunities import HORIZONS, OPPORTUNITIES
from funding_platform.core.tables.marts.reasons import REJECT_REASONS
from funding_platform.core.tables.schema import Table
from funding_platform.lake.connection import connect
from funding_platform.settings import Settings

Facts = Mapping[str, Any]

NOW = datetime(2026, 11, 20, 7, 30, tzinfo=UTC)
STORED_SIZE = 10_000.0
ASSUMED_SPREAD_BPS, DEPTH_SHARE = 10.0, 1e-3
BASES = ("BTC", "ETH", "SOL")
VENUES = ("binance", "bybit", "deribit", "hyperliquid", "lighter", "okx")
AS_STORED = OpportunityFilter()

FEES: dict[tuple[str, str], tuple[float | None, float | None]] = {
    ("binance", "base"): (2.0, 5.0),
    ("binance", "vip_1"): (1.6, 4.0),
    ("bybit", "base"): (2.0, 5.5),
    ("bybit", "vip_1"): (1.8, 4.0),
    ("deribit", "base"): (0.0, 5.0),
    ("hyperliquid", "base"): (1.5, 4.5),
    ("hyperliquid", "tier_1"): (-0.3, None),
    ("lighter", "base"): (0.0, 0.0),
    ("drift", "base"): (2.0, 4.0),
}
"""Maker and taker in force now. OKX has none; Drift has no market today."""


def opportunity(of: Facts, wanted: OpportunityFilter = AS_STORED) -> dict[str, Any]:
    """One row from its facts, at the costs of a filter."""
    row: dict[str, Any] = dict.fromkeys(OPPORTUNITIES.column_names)
    row |= {"long_observed_at": NOW, "short_observed_at": NOW, "observed_at": NOW, **of}
    row |= _rates(row)
    row |= _market(row)
    row |= _costs(row, wanted)
    row |= _nets(row, wanted)
    reasons = {*row["market_reasons"], *_reasons(row, wanted)}
    row["reasons"] = sorted(reasons)
    row["tier"] = (
        "reject" if reasons & REJECT_REASONS.keys() else "watch" if reasons else "actionable"
    )
    return {name: row[name] for name in OPPORTUNITIES.column_names}


def _rates(row: Facts) -> Facts:
    long, short = row["long_rate_8h"], row["short_rate_8h"]
    divergence = None if long is None or short is None else short - long
    return {
        "long_rate": _times(long, row["long_interval_hours"] / 8),
        "short_rate": _times(short, row["short_interval_hours"] / 8),
        "divergence_8h": divergence,
        "gross_apr": divergence and divergence * 1095,
        **{f"funding_{h}": _times(divergence, hours / 8) for h, hours in HORIZONS.items()},
    }


def _market(row: Facts) -> Facts:
    found: dict[str, Any] = {}
    for name in ("volume_24h_usd", "open_interest_usd"):
        legs = (row[f"long_{name}"], row[f"short_{name}"])
        found[f"min_{name}"] = None if None in legs else min(legs)
        found[f"max_{name}"] = None if None in legs else max(legs)
    long, short = row["long_open_interest_usd"], row["short_open_interest_usd"]
    ratio = None if long is None or not short else long / short
    found["open_interest_ratio"] = ratio
    found["open_interest_balance"] = ratio and (
        "long_heavy" if ratio > 2 else "short_heavy" if ratio < 0.5 else "balanced"
    )
    return found


def _costs(row: Facts, wanted: OpportunityFilter) -> Facts:
    size = wanted.size_usd or STORED_SIZE
    found: dict[str, Any] = {"size_usd": size}
    for leg in ("long", "short"):
        key = (row[f"{leg}_venue"], wanted.fee_tiers.get(row[f"{leg}_venue"], "base"))
        found[f"{leg}_fee_tier"] = key[1] if key in FEES else None
        found[f"{leg}_maker_bps"], found[f"{leg}_taker_bps"] = FEES.get(key, (None, None))
    for mode in ("maker", "taker"):
        legs = (found[f"long_{mode}_bps"], found[f"short_{mode}_bps"])
        found[f"{mode}_fees_bps"] = _sum(*legs, *legs)
    spreads = (row["long_spread_bps"], row["short_spread_bps"])
    found["spread_cost_bps"] = sum(ASSUMED_SPREAD_BPS if one is None else one for one in spreads)
    impacts = []
    for leg in ("long", "short"):
        volume = row[f"{leg}_volume_24h_usd"]
        model = size / (2 * volume * DEPTH_SHARE) if volume else None
        impact, source = _impact(row, leg, size, model)
        impacts.append(impact)
        found[f"{leg}_impact_model_bps"] = model
        found[f"{leg}_impact_bps"] = impact
        found[f"{leg}_impact_source"] = source
    found["impact_cost_bps"] = _sum(*impacts, *impacts)
    found["cost_bps"] = _sum(
        found["taker_fees_bps"], found["spread_cost_bps"], found["impact_cost_bps"]
    )
    found["maker_cost_bps"] = found["maker_fees_bps"]
    return found


def _impact(
    row: Facts, leg: str, size: float, model: float | None
) -> tuple[float | None, str | None]:
    """Between the sizes that were measured on straight lines, beyond them by the model."""
    known = [(0.0, 0.0)]
    for name, usd in (("1k", 1e3), ("10k", 1e4), ("100k", 1e5), ("1m", 1e6)):
        if row[f"{leg}_impact_{name}_bps"] is not None:
            known.append((usd, row[f"{leg}_impact_{name}_bps"]))
    for (start, low), (end, high) in pairwise(known):
        if size <= end:
            return low + (high - low) * (size - start) / (end - start), "measured"
    return (None, None) if model is None else (max(model, known[-1][1]), "model")


def _nets(row: Facts, wanted: OpportunityFilter) -> Facts:
    cost = _times(row["maker_cost_bps" if wanted.fee_mode == "maker" else "cost_bps"], 1e-4)
    paid = _times(cost, -1)
    found = {f"net_{horizon}": _sum(row[f"funding_{horizon}"], paid) for horizon in HORIZONS}
    divergence = row["divergence_8h"]
    return {
        **found,
        "net_7d_if_halved": _sum(_times(row["funding_7d"], 0.5), paid),
        "net_apr": _times(found[wanted.net], 8760 / HORIZONS[wanted.horizon]),
        "break_even_hours": _times(cost, 8 / divergence) if divergence else None,
    }


def _reasons(row: Facts, wanted: OpportunityFilter) -> Iterable[str]:
    for leg in ("long", "short"):
        if row[f"{leg}_{wanted.fee_mode}_bps"] is None:
            yield f"{leg}_fee_unknown"
        if not row[f"{leg}_volume_24h_usd"]:
            yield f"{leg}_volume_unknown"
        if row[f"{leg}_spread_bps"] is None and wanted.fee_mode == "taker":
            yield f"{leg}_spread_assumed"
    for net, code in (
        ("net_7d", "no_net_in_7d"),
        ("net_3d", "no_net_in_3d"),
        ("net_7d_if_halved", "no_net_if_halved"),
    ):
        if row[net] is not None and row[net] <= 0:
            yield code


def _sum(*values: float | None) -> float | None:
    """The sum, unknown where any value is."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def facts(base: str, long: str, short: str, **more: object) -> dict[str, Any]:
    """A pair with nothing against it but what ``more`` says."""
    return {
        "base": base,
        "asset": f"{base} crypto",
        "long_venue": long,
        "long_symbol": f"{base}-{long.upper()}",
        "short_venue": short,
        "short_symbol": f"{base}-{short.upper()}",
        "long_quote": "USDT",
        "short_quote": "USDC",
        "long_rate_8h": 1e-4,
        "short_rate_8h": 21e-4,
        "long_interval_hours": 8.0,
        "short_interval_hours": 1.0,
        "long_spread_bps": 1.0,
        "short_spread_bps": 2.0,
        "long_volume_24h_usd": 5e7,
        "short_volume_24h_usd": 2e7,
        "long_open_interest_usd": 3e7,
        "short_open_interest_usd": 2e7,
        "price_gap_bps": 4.0,
        "settled_7d": 0.01,
        "settled_30d": 0.03,
        "same_sign_share": 0.9,
        "half_life_hours": 30.0,
        "long_next_funding_time": NOW + timedelta(minutes=30),
        "short_next_funding_time": NOW + timedelta(minutes=30),
        "both_settled_at": NOW + timedelta(minutes=30),
        "valid_until": NOW + timedelta(minutes=30),
        "market_reasons": (),
        **more,
    }


def some_facts(seed: int = 5) -> list[dict[str, Any]]:
    """Every base and pair of venues once, with figures all over the place and many unknown."""
    chance = random.Random(seed)

    def maybe(low: float, high: float) -> float | None:
        return None if chance.random() < 0.1 else 10 ** chance.uniform(low, high)

    return [
        facts(
            base,
            long,
            short,
            short_rate_8h=None if chance.random() < 0.05 else 1e-4 + 10 ** chance.uniform(-6, -2),
            **{f"{leg}_spread_bps": maybe(-1, 1.5) for leg in ("long", "short")},
            **{f"{leg}_volume_24h_usd": maybe(4, 9) for leg in ("long", "short")},
            **{f"{leg}_open_interest_usd": maybe(3, 9) for leg in ("long", "short")},
            price_gap_bps=chance.choice([None, -30.0, -2.0, 0.0, 7.0, 60.0]),
            same_sign_share=chance.choice([None, 0.2, 0.6, 0.8, 1.0]),
            half_life_hours=maybe(0, 3),
            market_reasons=chance.choice([(), (), ("long_stale",), ("flickering", "thin_volume")]),
            **_measured(chance, "long"),
            **_measured(chance, "short"),
        )
        for base in BASES
        for place, first in enumerate(VENUES)
        for second in VENUES[place + 1 :]
        for long, short in [chance.sample([first, second], 2)]
    ]


def _measured(chance: random.Random, leg: str) -> dict[str, float | None]:
    """What a book was seen to cost at some of the sizes, or at none."""
    reached = chance.choice([0, 0, 1, 2, 3, 4])
    steps = [10 ** chance.uniform(-2, 1.5) for _ in range(4)]
    return {
        f"{leg}_impact_{name}_bps": sum(steps[: place + 1]) if place < reached else None
        for place, name in enumerate(("1k", "10k", "100k", "1m"))
    }


def build_lake(settings: Settings, *tables: tuple[Table, Iterable[Facts]]) -> None:
    """A lake with the fees and with tables of opportunities, as dbt would leave them."""
    with connect(settings, read_only=False) as lake:
        for table, rows in tables:
            lake.execute(table.ddl())
            insert_rows(lake, table, [opportunity(row) for row in rows])
        add_fees(lake)


def add_fees(lake: duckdb.DuckDBPyConnection) -> None:
    """Today's fees, and others that have ended or not begun."""
    long_ago, later = NOW - timedelta(days=900), NOW + timedelta(days=36_500)
    lake.execute(FEE_HISTORY.ddl())
    rows = [
        {
            "venue": venue,
            "tier": tier,
            "effective_from": start,
            "effective_until": end,
            "maker_bps": None if maker is None else maker + off,
            "taker_bps": None if taker is None else taker + off,
            "source": "a test",
            "overridden": False,
        }
        for (venue, tier), (maker, taker) in FEES.items()
        for start, end, off in (
            (long_ago, NOW - timedelta(days=30), 50.0),
            (NOW - timedelta(days=30), later, 0.0),
            (later, None, 70.0),
        )
    ]
    insert_rows(lake, FEE_HISTORY, rows)


def insert_rows(lake: duckdb.DuckDBPyConnection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows of a declared table."""
    frame = pl.DataFrame(rows, schema=dict(table.polars_schema))
    lake.register("rows_of_a_test", frame.to_arrow())
    lake.execute(f"INSERT INTO {table.full_name} BY NAME FROM rows_of_a_test")
    lake.unregister("rows_of_a_test")
