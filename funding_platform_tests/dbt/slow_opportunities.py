"""``marts.opportunities`` worked out a pair at a time, in plain Python, from what was collected.

Written from the descriptions of the columns, and nothing is shared with the SQL: settlements are
walked through one by one where the SQL divides, and hours are kept in dictionaries.
"""

import math
from collections.abc import Iterator
from datetime import datetime
from itertools import combinations
from statistics import linear_regression

import pytest

from funding_platform.core.tables.books.depth import ORDER_BOOK_DEPTH
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.marts.opportunities import HORIZONS, OPPORTUNITIES
from funding_platform.core.tables.marts.reasons import REJECT_REASONS
from funding_platform.core.time_grid import HOUR
from funding_platform.lake import connect
from funding_platform.settings import Settings
from funding_platform_tests.dbt.slow_legs import Row, slow_legs

SIZE_USD = 10_000.0
SIZES = (("1k", 1e3), ("10k", 1e4), ("100k", 1e5), ("1m", 1e6))


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
    pair |= _paid(long, short)
    pair |= _left(pair)
    pair |= _market(long, short)
    pair |= _past(long, short)
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
            received.append(_times(settled, leg["rate"]))
        return _less(received[1], received[0])

    divergence = _less(short["rate_8h"], long["rate_8h"])
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
        "gross_apr": _times(divergence, 1095),
        "gross_apy": None if divergence is None else math.expm1(1095 * math.log1p(divergence)),
        "long_next_funding_time": due["long"],
        "short_next_funding_time": due["short"],
        "both_settled_at": both,
        "return_until_both_settled": None if both is None else funding(both, None),
        **{f"funding_{name}": funding(now + h * HOUR, h) for name, h in HORIZONS.items()},
        "observed_at": now,
        "valid_until": min((until for until in untils if until is not None), default=None),
    }


def _paid(long: Row, short: Row) -> Row:
    """Each leg is traded twice: fees, half the spread, and the way up a book of even depth."""
    spreads = [10.0 if leg["spread_bps"] is None else leg["spread_bps"] for leg in (long, short)]
    volumes = [leg["volume_24h_usd"] or None for leg in (long, short)]
    models = [None if v is None else SIZE_USD / (2 * v * 1e-3) for v in volumes]
    sides = list(zip((long, short), models, strict=True))
    impacts = [_impact(leg["impacts"], SIZE_USD, model) for leg, model in sides]
    known: Row = {}
    for side, (leg, model), impact in zip(("long", "short"), sides, impacts, strict=True):
        measured = max(leg["impacts"], default=0) >= SIZE_USD
        known |= {
            f"{side}_impact_model_bps": model,
            f"{side}_impact_bps": impact,
            f"{side}_impact_source": "measured" if measured else None if model is None else "model",
            **{f"{side}_impact_{name}_bps": leg["impacts"].get(size) for name, size in SIZES},
        }
    taker, maker, impact = (
        _times(2, _plus(*parts))
        for parts in (
            (long["taker_bps"], short["taker_bps"]),
            (long["maker_bps"], short["maker_bps"]),
            impacts,
        )
    )
    spread = sum(max(one, 0.0) for one in spreads)
    return {
        "taker_fees_bps": taker,
        "maker_fees_bps": maker,
        "spread_cost_bps": spread,
        "size_usd": SIZE_USD,
        **known,
        "impact_cost_bps": impact,
        "max_size_usd": _largest(sides),
        "cost_bps": _plus(taker, spread, impact),
        "maker_cost_bps": maker,
    }


def _impact(measured: dict[float, float], size: float, model: float | None) -> float | None:
    """The impact of a size between those measured; beyond them the model's, if it is more."""
    if size > max(measured, default=0):
        return None if model is None else max([model, *measured.values()])
    return _line({0.0: 0.0, **measured}, size)


def _line(points: dict[float, float], at: float) -> float:
    """What lies on the straight line between the two points around."""
    low, high = max(x for x in points if x < at), min(x for x in points if x >= at)
    return points[low] + (points[high] - points[low]) * (at - low) / (high - low)


def _largest(sides: list[tuple[Row, float | None]]) -> float | None:
    """The size whose four trades have an impact of ten basis points, found by halving."""
    if any(not leg["impacts"] and model is None for leg, model in sides):
        return None

    def cost(size: float) -> float:
        return 2 * sum(
            _line({0.0: 0.0, **leg["impacts"]}, size)
            if leg["impacts"]
            else (model or 0.0) * size / SIZE_USD
            for leg, model in sides
        )

    most: float = min([1e6, *(max(leg["impacts"]) for leg, _ in sides if leg["impacts"])])
    if cost(most) <= 10:
        return most
    fits, is_too_much = 0.0, most
    for _ in range(200):
        middle = (fits + is_too_much) / 2
        fits, is_too_much = (middle, is_too_much) if cost(middle) <= 10 else (fits, middle)
    return fits


def _left(pair: Row) -> Row:
    cost = _times(pair["cost_bps"], 1e-4)
    week = pair["funding_7d"]
    net = _less(week, cost)
    divergence = pair["divergence_8h"]
    return {
        **{f"net_{horizon}": _less(pair[f"funding_{horizon}"], cost) for horizon in HORIZONS},
        "net_7d_if_halved": _less(_times(week, 0.5), cost),
        "net_apr": _times(net, 8760 / 168),
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


def _past(long: Row, short: Row) -> Row:
    week, month = (_less(short["settled"][d], long["settled"][d]) for d in (7, 30))
    both = sorted(long["hours"].keys() & short["hours"].keys())
    divergences = {hour: short["hours"][hour] - long["hours"][hour] for hour in both}
    return {
        "settled_7d": week,
        "settled_30d": month,
        "settled_7d_apr": _times(week, 365 / 7),
        "settled_30d_apr": _times(month, 365 / 30),
        "same_sign_share": sum(d > 0 for d in divergences.values()) / len(both) if both else None,
        "half_life_hours": _half_life(divergences, max(long["paid_hours"], short["paid_hours"])),
    }


def _half_life(divergences: dict[datetime, int], paid_hours: int) -> float | None:
    """An AR(1) over as many hours as the slower leg settles in, unless it may be white noise."""
    lag = next((lag for lag in (1, 2, 4, 8, 24) if lag >= paid_hours), None)
    if lag is None:
        return None
    pairs = [
        (divergences[hour - lag * HOUR], later)
        for hour, later in divergences.items()
        if hour - lag * HOUR in divergences
    ]
    count = len(pairs) / lag
    if len(pairs) < 24 or len({earlier for earlier, _ in pairs}) == 1:
        return None
    slope = linear_regression(*zip(*pairs, strict=True)).slope
    if (slope + 1 / count) * math.sqrt(count) <= 2.326:
        return None
    debiased = (count * slope + 1) / (count - 3)
    return lag * math.log(0.5) / math.log(debiased) if debiased < 1 else None


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


def _plus(*parts: float | None) -> float | None:
    told = [part for part in parts if part is not None]
    return math.fsum(told) if len(told) == len(parts) else None


def _less(left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else left - right


def _times(left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else left * right
