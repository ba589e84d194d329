"""What a pair earns, costs and keeps, and what stands against it: opportunities in arrays.

The SQL of the marts is the definition (``arbitrage.formulas``, ``core.tables.marts.reasons``,
``dbt_project/models/intermediate/int_opportunity_*.sql``); here is the same for arrays, with NaN
for null, and a test compares every column of both on the same market. Times are microseconds since
the epoch, as floats: they hold every one of them until the year 2255.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from funding_platform.arbitrage.costs import depth_impact_bps
from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.tables.marts.opportunities import HORIZONS
from funding_platform.core.tables.marts.reasons import REASONS, REJECT_REASONS, TIERS
from funding_platform.core.time_grid import HOUR_US
from funding_platform.core.units import HOURS_PER_YEAR, TENOR_HOURS, apy
from funding_platform.live.pairs.impact import impacts_at_bps, leg_impact_bps, max_size_usd
from funding_platform.live.pairs.legs import Legs, Limits

Figures: TypeAlias = dict[str, Floats]
"""Columns of ``marts.opportunities`` by name; a time under its name with ``_us`` for ``_at``."""

CODES: Final = tuple(sorted(REASONS))
"""The bit of a reason in a pair's mask is its place here."""

REJECTING: Final = sum(1 << bit for bit, code in enumerate(CODES) if code in REJECT_REASONS)
"""The bits that make a pair no opportunity."""

ACTIONABLE, WATCH, REJECT = range(len(TIERS))

SIDES: Final = ("long", "short")


@dataclass(frozen=True, slots=True)
class Past:
    """What is handed in of pairs, as they stand; arrays of shape (n,), NaN where unknown.

    ``share_at_most`` bounds ``same_sign_share``: of a pair whose past is known the other way round
    it is what that leaves.
    """

    settled_7d: Floats
    settled_30d: Floats
    same_sign_share: Floats
    share_at_most: Floats
    half_life_hours: Floats


def divergences(long: Legs, short: Legs) -> Figures:
    """Return what both legs show at once, and by how much they differ."""
    divergence = short.rate_8h - long.rate_8h
    yearly = apy(divergence)
    return {
        "divergence_8h": divergence,
        "gross_apr": _yearly(divergence, TENOR_HOURS),
        "gross_apy": np.where(np.isinf(yearly), np.nan, yearly),
        "price_gap_bps": (short.mark_price / _not_zero(long.mark_price) - 1) * 1e4,
        "observed_us": np.minimum(long.observed_us, short.observed_us),
    }


def funding(long: Legs, short: Legs, now: Floats) -> Figures:
    """Return what settles after ``now`` on the venues' clocks, at the rates of now."""
    steps = [np.round(leg.interval_hours * HOUR_US) for leg in (long, short)]
    dues = [
        next_settlement(leg.next_us, step, now)
        for leg, step in zip((long, short), steps, strict=True)
    ]
    both = np.maximum(*dues)
    counts = [settlements_until(due, step, both) for due, step in zip(dues, steps, strict=True)]
    found = {
        "long_next_funding_us": dues[0],
        "short_next_funding_us": dues[1],
        "both_settled_us": both,
        "return_until_both_settled": short.rate * counts[1] - long.rate * counts[0],
        "valid_until_us": np.fmin(
            *(
                np.where(np.isnan(due), now + np.round(leg.interval_hours * HOUR_US), due)
                for leg, due in zip((long, short), dues, strict=True)
            )
        ),
    }
    for horizon, hours in HORIZONS.items():
        received = []
        for leg, due, step in zip((long, short), dues, steps, strict=True):
            count = settlements_until(due, step, now + hours * HOUR_US)
            pro_rata = hours / leg.interval_hours
            received.append(leg.rate * np.where(np.isnan(count), pro_rata, count))
        found[f"funding_{horizon}"] = received[1] - received[0]
    return found


def next_settlement(due: Floats, step: Floats, now: Floats) -> Floats:
    """Return the first settlement after ``now``, where one was due at ``due``, ``step`` apart."""
    return np.where(due > now, due, due + ((now - due) // step + 1) * step)


def settlements_until(first: Floats, step: Floats, until: Floats) -> Floats:
    """Count settlements from ``first``, which is one, to ``until``; NaN where any is unknown."""
    count = np.where(first > until, 0.0, (until - first) // step + 1)
    return np.where(np.isnan(first) | np.isnan(until) | np.isnan(step), np.nan, count)


def costs(long: Legs, short: Legs, limits: Limits) -> Figures:
    """Return what the four trades cost, crossing and resting, in basis points."""
    legs = (long, short)
    taker = _four_trades(long.taker_bps, short.taker_bps)
    maker = _four_trades(long.maker_bps, short.maker_bps)
    assumed = limits.assumed_spread_bps
    spread = _four_trades(
        *(
            np.maximum(np.where(np.isnan(leg.spread_bps), assumed, leg.spread_bps), 0.0) / 2
            for leg in legs
        )
    )
    size = np.full(len(long.rate), limits.size_usd)
    models = [
        depth_impact_bps(size, _not_zero(leg.volume_24h_usd), limits.depth_share) for leg in legs
    ]
    measured = [leg.impact_bps for leg in legs]
    impacts = [
        leg_impact_bps(known, limits.size_usd, model)
        for known, model in zip(measured, models, strict=True)
    ]
    impact = _four_trades(*impacts)
    at_sizes = [
        impacts_at_bps(known, limits.size_usd, model)
        for known, model in zip(measured, models, strict=True)
    ]
    return {
        "taker_fees_bps": taker,
        "maker_fees_bps": maker,
        "spread_cost_bps": spread,
        "size_usd": size,
        **{f"{side}_impact_model_bps": model for side, model in zip(SIDES, models, strict=True)},
        **{f"{side}_impact_bps": one for side, one in zip(SIDES, impacts, strict=True)},
        "impact_cost_bps": impact,
        "max_size_usd": max_size_usd(_four_trades(*at_sizes), limits.max_impact_cost_bps),
        "cost_bps": taker + spread + impact,
        "maker_cost_bps": maker,
    }


def nets(earned: Mapping[str, Floats], cost_bps: Floats, divergence_8h: Floats) -> Figures:
    """Return what is left of the funding when the trades are paid."""
    cost = cost_bps / 1e4
    kept = {f"net_{horizon}": earned[f"funding_{horizon}"] - cost for horizon in HORIZONS}
    return {
        **kept,
        "net_7d_if_halved": earned["funding_7d"] / 2 - cost,
        "net_apr": _yearly(kept["net_7d"], HORIZONS["7d"]),
        "break_even_hours": cost * TENOR_HOURS / _not_zero(divergence_8h),
    }


def markets(long: Legs, short: Legs) -> Figures:
    """Return the smaller and the larger market of the two; NaN where either is unknown."""
    interests = long.open_interest_usd, short.open_interest_usd
    return {
        "min_volume_24h_usd": np.minimum(long.volume_24h_usd, short.volume_24h_usd),
        "min_open_interest_usd": np.minimum(*interests),
        "max_open_interest_usd": np.maximum(*interests),
        "open_interest_ratio": interests[0] / _not_zero(interests[1]),
    }


def past_figures(past: Past) -> Figures:
    """Return what the pair has earned, and that for a year."""
    return {
        "settled_7d": past.settled_7d,
        "settled_30d": past.settled_30d,
        "settled_7d_apr": _yearly(past.settled_7d, 7 * 24),
        "settled_30d_apr": _yearly(past.settled_30d, 30 * 24),
        "same_sign_share": past.same_sign_share,
        "half_life_hours": past.half_life_hours,
    }


def figures_of(long: Legs, short: Legs, past: Past, limits: Limits) -> Figures:
    """Work out every figure of some pairs."""
    found = divergences(long, short)
    found |= funding(long, short, found["observed_us"])
    found |= costs(long, short, limits)
    found |= nets(found, found["cost_bps"], found["divergence_8h"])
    return found | markets(long, short) | past_figures(past)


def reasons_of(
    long: Legs, short: Legs, past: Past, figures: Mapping[str, Floats], limits: Limits
) -> Ints:
    """Return what stands against some pairs, as a mask of the bits of ``CODES`` for each."""
    holds: dict[str, Flags] = {}
    for side, leg in (("long", long), ("short", short)):
        holds |= {
            f"{side}_stale": leg.stale,
            f"{side}_halted": leg.halted,
            f"{side}_rate_unknown": np.isnan(leg.rate),
            f"{side}_interval_unknown": np.isnan(leg.interval_hours),
            f"{side}_fee_unknown": np.isnan(leg.taker_bps),
            f"{side}_volume_unknown": ~(leg.volume_24h_usd != 0) | np.isnan(leg.volume_24h_usd),
            f"{side}_open_interest_unknown": np.isnan(leg.open_interest_usd),
            f"{side}_spread_assumed": np.isnan(leg.spread_bps),
            f"{side}_clock_unknown": np.isnan(figures[f"{side}_next_funding_us"]),
        }
    holds |= {
        "price_gap_wide": np.abs(figures["price_gap_bps"]) > limits.wide_price_gap_bps,
        "price_gap_unknown": np.isnan(figures["price_gap_bps"]),
        "no_divergence": figures["divergence_8h"] == 0,
        "no_net_in_7d": figures["net_7d"] <= 0,
        "thin_open_interest": figures["min_open_interest_usd"] < limits.thin_open_interest_usd,
        "thin_volume": figures["min_volume_24h_usd"] < limits.thin_volume_usd,
        "no_net_in_3d": figures["net_3d"] <= 0,
        "no_net_if_halved": figures["net_7d_if_halved"] <= 0,
        "lost_over_7d": figures["settled_7d"] <= 0,
        "past_unknown": np.isnan(figures["settled_7d"]),
        "flickering": past.share_at_most < limits.min_same_sign_share,
    }
    mask = np.zeros(len(long.rate), dtype=np.int64)
    for bit, code in enumerate(CODES):
        mask |= holds[code].astype(np.int64) << bit
    return mask


def tiers_of(mask: Ints) -> Ints:
    """Return the verdict that the reasons amount to, a place in ``TIERS``."""
    return np.where(mask & REJECTING, REJECT, np.where(mask, WATCH, ACTIONABLE))


def _yearly(values: Floats, hours: int) -> Floats:
    """Scale what is earned in some hours to a year, simple."""
    return values * HOURS_PER_YEAR / hours


def _four_trades(long_bps: Floats, short_bps: Floats) -> Floats:
    """Both legs are traded twice."""
    return 2 * (long_bps + short_bps)


def _not_zero(values: Floats) -> Floats:
    """Put NaN for 0, as a divisor."""
    return np.where(values == 0, np.nan, values)
