"""What terminals, scripts and the control server show: one picture per cycle, plain JSON."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
import polars as pl

from funding_platform.core.units import TENOR_HOURS, apr
from funding_platform.execution.cycle.facts import Seen, VenueState
from funding_platform.execution.cycle.market import LatestMarket
from funding_platform.execution.ledger import PairLedger, summed
from funding_platform.execution.pair.pairs import InstrumentRef, Pnl

SHOWN_OPPORTUNITIES: Final = 20

_OF_OPPORTUNITY: Final = (
    *("base", "long_venue", "long_symbol", "short_venue", "short_symbol", "divergence_8h"),
    *("cost_bps", "net_7d", "net_apr", "tier"),
)


def screen(
    *,
    now: datetime,
    trader: str,
    seen: Seen,
    pairs: Sequence[PairLedger],
    ended: Pnl,
    cycle: Mapping[str, Any],
) -> dict[str, Any]:
    """Draw the picture: accounts, pairs, totals, opportunities, and what the cycle did.

    Parameters
    ----------
    pairs
        What is held now; ``seen`` is from before the cycle acted.
    ended
        What the pairs that are over have brought.
    cycle
        Figures of the cycle itself.
    """
    rows = [_pair(pair, seen.market) for pair in pairs]
    held = summed(pairs)
    return {
        "at": now.isoformat(),
        "trader": trader,
        "halted": seen.halted,
        "cycle": dict(cycle),
        "totals": _totals(pairs, seen.venues),
        "since_start": _earned(None if held is None else held + ended),
        "venues": [_venue(name, state) for name, state in seen.venues.items()],
        "pairs": rows,
        "opportunities": _opportunities(seen.opportunities),
        "opportunities_at": _iso(seen.opportunities_at),
    }


def _totals(pairs: Sequence[PairLedger], venues: Mapping[str, VenueState]) -> dict[str, Any]:
    """Add up what is held; a sum of which a part is unknown is unknown."""
    equity = [state.equity_usd for state in venues.values()]
    known = [usd for usd in equity if usd is not None]
    return {
        "pairs": len(pairs),
        "notional_usd": float(sum(pair.notional_usd for pair in pairs)),
        "equity_usd": sum(known) if len(known) == len(equity) else None,
        **_earned(summed(pairs)),
    }


def _venue(name: str, state: VenueState) -> dict[str, Any]:
    return {
        "venue": name,
        "reachable": state.reachable,
        "equity_usd": state.equity_usd,
        "free_usd": state.free_usd,
        "margin_ratio": state.lowest_ratio,
        "skew_seconds": state.skew_seconds,
        "trouble": state.trouble,
    }


def _pair(pair: PairLedger, market: LatestMarket) -> dict[str, Any]:
    record = pair.record
    long, short = pair.long.instrument, pair.short.instrument
    divergence = _divergence(market, long, short)
    return {
        "pair_id": record.pair_id,
        "state": str(record.state),
        "base": record.base,
        "long_venue": long.venue,
        "long_symbol": long.venue_symbol,
        "short_venue": short.venue,
        "short_symbol": short.venue_symbol,
        "notional_usd": float(pair.notional_usd),
        "quantity": float(pair.long.base),
        "net_base": float(pair.net_base),
        "opened_at": _iso(record.opened_at),
        "decided_at": _iso(record.decided_at),
        "divergence_8h": divergence,
        "apr": None if divergence is None else apr(divergence, TENOR_HOURS),
        "entry_divergence_8h": record.facts.get("divergence_8h"),
        "next_funding_at": _next_funding(market, (long, short)),
        "settlements": pair.long.settlements + pair.short.settlements,
        **_earned(pair.pnl),
    }


def _divergence(market: LatestMarket, long: InstrumentRef, short: InstrumentRef) -> float | None:
    """Return the predicted divergence now; None where a leg's rate is not known."""
    rows = (market.row.get(long), market.row.get(short))
    if rows[0] is None or rows[1] is None:
        return None
    rates = market.predicted_rate_8h
    value = float(rates[rows[1]]) - float(rates[rows[0]])
    return value if np.isfinite(value) else None


def _earned(pnl: Pnl | None) -> dict[str, float | None]:
    """Write what was earned, and its parts; unknown where a leg has no price."""
    return {
        "pnl_usd": None if pnl is None else float(pnl.total_usd),
        "trading_usd": None if pnl is None else float(pnl.trading_usd),
        "fees_usd": None if pnl is None else float(pnl.fees_usd),
        "funding_usd": None if pnl is None else float(pnl.funding_usd),
    }


def _next_funding(market: LatestMarket, legs: Sequence[InstrumentRef]) -> str | None:
    """Return the earlier of the legs' next settlements, as far as they are known."""
    column = market.instruments["next_funding_time"]
    times = [column[market.row[leg]] for leg in legs if leg in market.row]
    known = [time for time in times if time is not None and time > market.time]
    return _iso(min(known)) if known else None


def _opportunities(found: pl.DataFrame) -> list[dict[str, Any]]:
    return found.head(SHOWN_OPPORTUNITIES).select(_OF_OPPORTUNITY).to_dicts()


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()
