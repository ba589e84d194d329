"""``marts.opportunities`` worked out a pair at a time, in plain Python, from what was collected.

Written from the descriptions of the columns, and nothing is shared with the SQL: settlements are
walked through one by one where the SQL divides, and hours are kept in dictionaries.
"""

import math
from collections.abc import Iterator
from datetime import datetime
from itertools import combinations

import pytest

from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.marts.opportunities import HORIZONS, OPPORTUNITIES
from funding_platform.core.tables.marts.reasons import REJECT_REASONS
from funding_platform.core.time_grid import HOUR
from funding_platform.lake import connect
from funding_platform.settings import Settings
from funding_platform_tests.dbt.slow.arithmetic import less, times
from funding_platform_tests.dbt.slow.costs import paid
from funding_platform_tests.dbt.slow.legs import Row, slow_legs
from funding_platform_tests.dbt.slow.past import past


def slow_opportunities(settings: Settings) -> dict[tuple[str, ...], Row]:
    """What the table must hold of a lake, by its key; ``discovered_at`` is left out."""
    with connect(settings) as lake:
        tables = [
            lake.sql(f"FROM {table.full_name}").pl().rows(named=True)
            for table in (INSTRUMENTS, MARKET_SNAPSHOTS, FUNDING_RATES, ORDER_BOOK_DEPTH)
        ]
    legs = list(slow_legs(*tables))
    pairs = [
        _pair(one, other)
        for one, other in combinations(legs, 2)
        if one["asset"] == other["asset"] and one["venue"] != other["venue"]
    ]
    return {tuple(pair[name] for name in OPPORTUNITIES.key): pair for pair in pairs}


def assert_as_worked_out(settings: Settings) -> None:
    """See that the table of a lake holds every pair, with every figure as it is worked out here."""
    expected = slow_opportunities(settings)
    with connect(settings) as lake:
        found = lake.sql(f"FROM {OPPORTUNITIES.full_name}").pl().drop("discovered_at")
    assert found.height == len(expected) > 0
    for row in found.rows(named=True):
        wanted = expected[tuple(row[name] for name in OPPORTUNITIES.key)]
        assert set(row) == set(wanted)
        for name, value in wanted.items():
            assert row[name] == (
                pytest.approx(value, rel=1e-6, abs=1e-11) if isinstance(value, float) else value
            ), (name, row)


def _pair(one: Row, other: Row) -> Row:
    rates = one["rate_8h"], other["rate_8h"]
    order = "venue" if None in rates or rates[0] == rates[1] else "rate_8h"
    long, short = sorted((one, other), key=lambda leg: leg[order])
    pair: Row = {"base": long["base"], "asset": long["asset"]}
    for side, leg in (("long", long), ("short", short)):
        pair |= {
            f"{side}_{name}": leg[name]
            for name in (
                *("venue", "symbol", "quote", "rate", "rate_8h", "fee_tier", "maker_bps"),
                *("taker_bps", "spread_bps", "volume_24h_usd", "open_interest_usd", "observed_at"),
            )
        }
        pair[f"{side}_interval_hours"] = leg["interval"]
    pair |= _earned(long, short)
    pair |= paid(long, short)
    pair |= _left(pair)
    pair |= _market(long, short)
    pair |= past(long, short)
    reasons = {*_against(long, "long", pair), *_against(short, "short", pair), *_of_both(pair)}
    pair["reasons"] = sorted(reasons)
    pair["tier"] = (
        "reject" if reasons & REJECT_REASONS.keys() else "watch" if reasons else "actionable"
    )
    return pair


def _next(leg: Row, now: datetime) -> datetime | None:
    """The leg's next settlement, by stepping on from the one that the venue names."""
    due: datetime | None = leg["next_funding_time"]
    if due is None or (due <= now and leg["interval"] is None):
        return None
    while due <= now:
        due += leg["interval"] * HOUR
    return due


def _count(leg: Row, due: datetime | None, until: datetime) -> int | None:
    """Settlements up to an instant, one after another."""
    if due is None or leg["interval"] is None:
        return None
    settled = 0
    while due <= until:
        settled, due = settled + 1, due + leg["interval"] * HOUR
    return settled


def _earned(long: Row, short: Row) -> Row:
    now = min(long["observed_at"], short["observed_at"])
    due = {"long": _next(long, now), "short": _next(short, now)}
    told = [time for time in due.values() if time is not None]
    both = max(told) if len(told) == len(due) else None

    def funding(until: datetime, hours: float | None) -> float | None:
        received = []
        for side, leg in (("long", long), ("short", short)):
            settled = _count(leg, due[side], until)
            if settled is None and hours is not None and leg["interval"] is not None:
                settled = hours / leg["interval"]
            received.append(times(settled, leg["rate"]))
        return less(received[1], received[0])

    divergence = less(short["rate_8h"], long["rate_8h"])
    untils = [
        when
        if when is not None
        else None
        if leg["interval"] is None
        else now + leg["interval"] * HOUR
        for when, leg in ((due["long"], long), (due["short"], short))
    ]
    return {
        "divergence_8h": divergence,
        "gross_apr": times(divergence, 1095),
        "gross_apy": None if divergence is None else math.expm1(1095 * math.log1p(divergence)),
        "long_next_funding_time": due["long"],
        "short_next_funding_time": due["short"],
        "both_settled_at": both,
        "return_until_both_settled": None if both is None else funding(both, None),
        **{f"funding_{name}": funding(now + h * HOUR, h) for name, h in HORIZONS.items()},
        "observed_at": now,
        "valid_until": min((until for until in untils if until is not None), default=None),
    }


def _left(pair: Row) -> Row:
    cost = times(pair["cost_bps"], 1e-4)
    week = pair["funding_7d"]
    net = less(week, cost)
    divergence = pair["divergence_8h"]
    return {
        **{f"net_{horizon}": less(pair[f"funding_{horizon}"], cost) for horizon in HORIZONS},
        "net_7d_if_halved": less(times(week, 0.5), cost),
        "net_apr": times(net, 8760 / 168),
        "break_even_hours": None if cost is None or not divergence else cost / (divergence / 8),
    }


def _market(long: Row, short: Row) -> Row:
    found: Row = {}
    for name in ("volume_24h_usd", "open_interest_usd"):
        values = long[name], short[name]
        found[f"min_{name}"] = None if None in values else min(values)
        found[f"max_{name}"] = None if None in values else max(values)
    del found["max_volume_24h_usd"]
    interests = long["open_interest_usd"], short["open_interest_usd"]
    ratio = None if None in interests or not interests[1] else interests[0] / interests[1]
    marks = long["mark"], short["mark"]
    return {
        **found,
        "open_interest_ratio": ratio,
        "open_interest_balance": None
        if ratio is None
        else "long_heavy"
        if ratio > 2
        else "short_heavy"
        if ratio < 0.5
        else "balanced",
        "price_gap_bps": None if None in marks or not marks[0] else 1e4 * (marks[1] / marks[0] - 1),
    }


def _against(leg: Row, side: str, pair: Row) -> Iterator[str]:
    holds = {
        "stale": leg["stale"],
        "halted": leg["status"] != "trading",
        "rate_unknown": leg["rate"] is None,
        "interval_unknown": leg["interval"] is None,
        "fee_unknown": leg["taker_bps"] is None,
        "volume_unknown": not leg["volume_24h_usd"],
        "open_interest_unknown": leg["open_interest_usd"] is None,
        "spread_assumed": leg["spread_bps"] is None,
        "clock_unknown": pair[f"{side}_next_funding_time"] is None,
    }
    return (f"{side}_{code}" for code, held in holds.items() if held)


def _of_both(pair: Row) -> Iterator[str]:
    def known(name: str) -> float:
        return math.nan if pair[name] is None else pair[name]

    holds = {
        "price_gap_unknown": pair["price_gap_bps"] is None,
        "price_gap_wide": abs(known("price_gap_bps")) > 100,
        "no_divergence": pair["divergence_8h"] == 0,
        "no_net_in_7d": known("net_7d") <= 0,
        "no_net_in_3d": known("net_3d") <= 0,
        "no_net_if_halved": known("net_7d_if_halved") <= 0,
        "thin_open_interest": known("min_open_interest_usd") < 100_000,
        "thin_volume": known("min_volume_24h_usd") < 250_000,
        "past_unknown": pair["settled_7d"] is None,
        "lost_over_7d": known("settled_7d") <= 0,
        "flickering": known("same_sign_share") < 0.75,
    }
    return (code for code, held in holds.items() if held)
