"""An opportunity in words: what it earns, what it costs and to whom, and what is against it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from funding_platform.arbitrage.filters import FeeMode
from funding_platform.core.tables.marts.opportunities import HORIZONS
from funding_platform.core.tables.marts.reasons import REASONS

_UNKNOWN: Final = "unknown"


def explain(row: Mapping[str, Any], fee_mode: FeeMode = "taker") -> str:
    """Put one row of ``marts.opportunities`` into words, a paragraph of lines.

    Parameters
    ----------
    row
        The row, by column.
    fee_mode
        The mode that its nets were worked out for; the table itself is for takers.
    """
    lines = {
        "long": _leg(row, "long"),
        "short": _leg(row, "short"),
        "divergence": f"{_percent(row['divergence_8h'])} per 8 h, {_percent(row['gross_apr'], 1)} "
        f"a year; {_percent(row['return_until_both_settled'])} until both have settled, "
        f"{_time(row['both_settled_at'])}",
        "cost": _costs(row, fee_mode),
        "net": f"{_nets(row)}; paid back after {_number(row['break_even_hours'], 1, 'h')}",
        "past": f"{_percent(row['settled_7d'])} in 7 days, {_percent(row['settled_30d'])} in 30; "
        f"hours with the same sign {_percent(row['same_sign_share'], 0)}, half-life "
        f"{_number(row['half_life_hours'], 1, 'h')}",
        "price gap": _number(row["price_gap_bps"], 2, "bp"),
        "seen": f"{_time(row['observed_at'])}; holds until {_time(row['valid_until'])}",
    }
    head = "{base}: long {long_venue} {long_symbol}, short {short_venue} {short_symbol}: {tier}"
    if row["discovered_at"] is not None:
        lines["discovered"] = _time(row["discovered_at"])
    against = [
        f"  - {REASONS[code].meaning if code in REASONS else code} ({code})"
        for code in row["reasons"]
    ]
    return "\n".join(
        [
            head.format_map(row),
            *(f"  {name:<10}  {text}" for name, text in lines.items()),
            *(["  against it:", *against] if against else ["  nothing is against it"]),
        ]
    )


def _leg(row: Mapping[str, Any], leg: str) -> str:
    return (
        f"{_percent(row[f'{leg}_rate'])} per {_number(row[f'{leg}_interval_hours'], 0, 'h')}, next "
        f"{_time(row[f'{leg}_next_funding_time'])}; "
        f"a day's volume {_number(row[f'{leg}_volume_24h_usd'], 0, 'USD')}, "
        f"open interest {_number(row[f'{leg}_open_interest_usd'], 0, 'USD')}"
    )


def _costs(row: Mapping[str, Any], fee_mode: FeeMode) -> str:
    """State the whole cost and its parts."""
    fees = (
        f"four fees {_number(row[f'{fee_mode}_fees_bps'], 2)} "
        f"(long {fee_mode} {_number(row[f'long_{fee_mode}_bps'], 2)} "
        f"at tier {row['long_fee_tier'] or _UNKNOWN}, "
        f"short {fee_mode} {_number(row[f'short_{fee_mode}_bps'], 2)} "
        f"at tier {row['short_fee_tier'] or _UNKNOWN})"
    )
    if fee_mode == "maker":
        return (
            f"{_number(row['maker_cost_bps'], 2, 'bp')}: {fees}, no spread and no impact; "
            "resting orders may not be filled"
        )
    return (
        f"{_number(row['cost_bps'], 2, 'bp')}: {fees}, spreads "
        f"{_number(row['spread_cost_bps'], 2)}, impact of {_number(row['size_usd'], 0, 'USD')} "
        f"{_number(row['impact_cost_bps'], 2)} ({_sources(row)})"
    )


def _sources(row: Mapping[str, Any]) -> str:
    """Say how the impact of either leg is known."""
    return ", ".join(
        f"{leg} {row[f'{leg}_impact_source'] or _UNKNOWN}" for leg in ("long", "short")
    )


def _nets(row: Mapping[str, Any]) -> str:
    held = ", ".join(f"{horizon} {_percent(row[f'net_{horizon}'])}" for horizon in HORIZONS)
    return f"{held}, 7d at half the funding {_percent(row['net_7d_if_halved'])}"


def _percent(fraction: float | None, digits: int = 4) -> str:
    return _UNKNOWN if fraction is None else f"{fraction * 100:,.{digits}f} %"


def _number(value: float | None, digits: int, unit: str = "") -> str:
    return _UNKNOWN if value is None else f"{value:,.{digits}f} {unit}".rstrip()


def _time(value: datetime | None) -> str:
    return _UNKNOWN if value is None else f"{value:%Y-%m-%d %H:%M} UTC"
