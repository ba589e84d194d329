"""What of trading fits on a terminal: pairs held, accounts, opportunities, events, the past.

Pure: frames and pictures as ``flows.execution`` hands them out come in, columns in units that
people read go out. What is unknown stays blank.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

import polars as pl

from funding_platform.core.tables.schema import instant
from funding_platform.core.time_grid import parse_instant
from funding_platform.execution.ledger import PairLedger
from funding_platform.views.live_tables import clock, short_span

_PAIRS: Final = pl.Schema(
    {
        "pair": pl.String(),
        "base": pl.String(),
        "long": pl.String(),
        "short": pl.String(),
        "USD": pl.Float64(),
        "bp/8h": pl.Float64(),
        "funding": pl.Float64(),
        "fees": pl.Float64(),
        "P&L": pl.Float64(),
        "age": pl.String(),
        "next": pl.String(),
        "state": pl.String(),
    }
)
_ACCOUNTS: Final = pl.Schema(
    {
        "venue": pl.String(),
        "equity": pl.Float64(),
        "free": pl.Float64(),
        "margin x": pl.Float64(),
        "skew s": pl.Float64(),
        "state": pl.String(),
    }
)
_OFFERED: Final = pl.Schema(
    {
        "base": pl.String(),
        "long": pl.String(),
        "short": pl.String(),
        "bp/8h": pl.Float64(),
        "cost bp": pl.Float64(),
        "net 7d %": pl.Float64(),
    }
)

_CLOCK: Final = pl.Schema({"in": pl.String(), "at": pl.String(), "pairs": pl.String()})
_COSTS: Final = pl.Schema(
    {
        "pair": pl.String(),
        "leg": pl.String(),
        "venue": pl.String(),
        "symbol": pl.String(),
        "settlements": pl.Int64(),
        "funding": pl.Float64(),
        "fees": pl.Float64(),
        "entry bp": pl.Float64(),
    }
)


def shown_pairs(picture: Mapping[str, Any], now: datetime) -> pl.DataFrame:
    """Select what is held, the newest first: dollars, basis points per 8 hours, ages."""
    rows = [
        {
            "pair": pair["pair_id"][:8],
            "base": pair["base"],
            "long": pair["long_venue"],
            "short": pair["short_venue"],
            "USD": _rounded(pair["notional_usd"], 0),
            "bp/8h": _rounded(pair["divergence_8h"], 2, 1e4),
            "funding": _rounded(pair["funding_usd"], 2),
            "fees": _rounded(pair["fees_usd"], 2),
            "P&L": _rounded(pair["pnl_usd"], 2),
            "age": _age(pair["opened_at"] or pair["decided_at"], now),
            "next": _until(pair["next_funding_at"], now),
            "state": pair["state"],
        }
        for pair in sorted(picture["pairs"], key=lambda pair: pair["decided_at"], reverse=True)
    ]
    return pl.DataFrame(rows, schema=_PAIRS)


def shown_accounts(picture: Mapping[str, Any]) -> pl.DataFrame:
    """Select the accounts, those that cannot be asked first."""
    rows = [
        {
            "venue": account["venue"],
            "equity": _rounded(account["equity_usd"], 2),
            "free": _rounded(account["free_usd"], 2),
            "margin x": _rounded(account["margin_ratio"], 1),
            "skew s": _rounded(account["skew_seconds"], 1),
            "state": "live" if account["reachable"] else "down",
        }
        for account in sorted(picture["venues"], key=lambda one: (one["reachable"], one["venue"]))
    ]
    return pl.DataFrame(rows, schema=_ACCOUNTS)


def shown_offers(picture: Mapping[str, Any]) -> pl.DataFrame:
    """Select the opportunities that pass the filter, in its order."""
    rows = [
        {
            "base": offer["base"],
            "long": offer["long_venue"],
            "short": offer["short_venue"],
            "bp/8h": _rounded(offer["divergence_8h"], 2, 1e4),
            "cost bp": _rounded(offer["cost_bps"], 1),
            "net 7d %": _rounded(offer["net_7d"], 3, 1e2),
        }
        for offer in picture["opportunities"]
    ]
    return pl.DataFrame(rows, schema=_OFFERED)


def shown_totals(picture: Mapping[str, Any]) -> pl.DataFrame:
    """Select the sums: of what is held, and since the start."""
    names = ("trading_usd", "fees_usd", "funding_usd", "pnl_usd")
    rows = [
        {"": what, **{name.removesuffix("_usd"): _rounded(sums[name], 2) for name in names}}
        for what, sums in (("held", picture["totals"]), ("since the start", picture["since_start"]))
    ]
    return pl.DataFrame(rows, schema=dict.fromkeys(rows[0], pl.Float64()) | {"": pl.String()})


def shown_events(events: pl.DataFrame, count: int) -> pl.DataFrame:
    """Select the last events, the newest first."""
    return (
        events.sort("event_id", descending=True)
        .head(count)
        .select(
            pl.col("happened_at").dt.strftime("%H:%M:%S").alias("at"),
            "kind",
            pl.col("pair_id").str.head(8).alias("pair"),
            pl.col("reason").alias("why"),
            pl.col("actor").alias("by"),
        )
    )


def screen_pairs(picture: Mapping[str, Any], now: datetime) -> pl.DataFrame:
    """Select what is held as 78 characters have room for it, the newest first."""
    return shown_pairs(picture, now).select(
        *("base", "long", "short"),
        pl.col("USD").cast(pl.Int64),
        *("bp/8h", "funding", "P&L", "age", "state"),
    )


def clock_rows(picture: Mapping[str, Any], now: datetime) -> pl.DataFrame:
    """Select when what is held settles next, the soonest first: in h:mm:ss, the bases."""
    known = [(pair["next_funding_at"], pair["base"]) for pair in picture["pairs"]]
    times = sorted({at for at, _ in known if at is not None})
    rows = [
        {
            "in": _until(at, now),
            "at": f"{parse_instant(at):%H:%M}",
            "pairs": " ".join(sorted(base for when, base in known if when == at)),
        }
        for at in times
    ]
    return pl.DataFrame(rows, schema=_CLOCK)


def screen_offers(picture: Mapping[str, Any]) -> pl.DataFrame:
    """Select the opportunities as half a screen has room for them."""
    return shown_offers(picture).select("base", "long", "short", "bp/8h", "net 7d %")


def screen_events(
    events: pl.DataFrame, count: int, bases: Mapping[str, str] = MappingProxyType({})
) -> pl.DataFrame:
    """Select the last events as a screen has room for them, the newest first.

    Parameters
    ----------
    bases
        By pair; a pair that is not among them is named by its first digits.
    """
    known = pl.col("pair_id").replace_strict(dict(bases), default=None, return_dtype=pl.String)
    named = events.with_columns(pair_id=pl.coalesce(known, "pair_id"))
    return shown_events(named, count).select("at", "kind", "pair", "why")


def shown_history(positions: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Select pairs of ``execution.positions`` as people read them, the newest first."""
    held = pl.coalesce("closed_at", instant(now)) - pl.col("opened_at")
    return positions.sort("decided_at", descending=True).select(
        pl.col("pair_id").alias("pair"),
        "state",
        "base",
        pl.col("long_venue").alias("long"),
        pl.col("short_venue").alias("short"),
        pl.col("notional_usd").round(0).alias("USD"),
        pl.col("opened_at").dt.truncate("1s"),
        held.map_elements(short_time, return_dtype=pl.String).alias("held"),
        *(
            pl.col(f"{name}_usd").round(4).alias(name)
            for name in ("trading", "fees", "funding", "pnl")
        ),
        pl.col("close_reason").alias("why"),
    )


def shown_fills(fills: pl.DataFrame, count: int) -> pl.DataFrame:
    """Select the last fills of ``execution.fills``, the newest first."""
    return (
        fills.sort("filled_at", "fill_id", descending=True)
        .head(count)
        .select(
            pl.col("filled_at").dt.strftime("%H:%M:%S").alias("at"),
            pl.col("pair_id").str.head(8).alias("pair"),
            "venue",
            pl.col("venue_symbol").alias("symbol"),
            "side",
            pl.col("quantity_base").alias("quantity"),
            "price",
            pl.col("fee_usd").round(4).alias("fee"),
        )
    )


def shown_costs(pairs: Sequence[PairLedger]) -> pl.DataFrame:
    """Select what each leg of pairs received and cost: funding, fees, slippage against the mid."""
    rows = [
        {
            "pair": pair.record.pair_id[:8],
            "leg": str(side),
            "venue": leg.record.venue,
            "symbol": leg.record.venue_symbol,
            "settlements": leg.settlements,
            "funding": round(float(leg.funding_usd), 4),
            "fees": round(float(leg.fees_usd), 4),
            "entry bp": _worse(leg.entry_price, leg.record.mid_price, side.side.sign),
        }
        for pair in pairs
        for side, leg in pair.legs.items()
    ]
    return pl.DataFrame(rows, schema=_COSTS)


def _worse(price: Decimal | None, mid: Decimal, sign: int) -> float | None:
    """Say by how much a price is worse than the mid at the decision, in basis points."""
    return None if price is None else round(float(sign * (price / mid - 1)) * 1e4, 2)


def short_time(span: timedelta) -> str:
    """Write a span in its largest unit."""
    return short_span(max(0.0, span.total_seconds()))


def headline(picture: Mapping[str, Any], now: datetime) -> Sequence[str]:
    """Say how the trader stands: who, how old, how much, and whether new risk is halted."""
    totals, ever = picture["totals"], picture["since_start"]
    age = short_time(now - parse_instant(picture["at"]))
    return (
        f"{picture['trader']}: {totals['pairs']} pairs, {totals['notional_usd']:,.0f} USD a leg",
        f"P&L since the start {_usd(ever['pnl_usd'])}, of it funding {_usd(ever['funding_usd'])}",
        f"{age} old",
        *([f"HALTED: {picture['halted']}"] if picture["halted"] else []),
    )


def _usd(amount: float | None) -> str:
    return "unknown" if amount is None else f"{amount:+,.2f}"


def _rounded(value: float | None, digits: int, factor: float = 1.0) -> float | None:
    return None if value is None else round(value * factor, digits)


def _age(since: str | None, now: datetime) -> str | None:
    return None if since is None else short_time(now - parse_instant(since))


def _until(at: str | None, now: datetime) -> str | None:
    if at is None:
        return None
    left = parse_instant(at) - now
    return clock(left) if left > timedelta(0) else "due"
