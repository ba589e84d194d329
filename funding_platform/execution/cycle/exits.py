"""Which pairs are closed whatever the strategy says, in the order of the configuration's fields."""

from collections.abc import Container, Iterator, Sequence

import numpy as np
import polars as pl

from funding_platform.arbitrage.costs import BPS
from funding_platform.core.arrays import Flags, Floats
from funding_platform.core.time_grid import HOUR_US
from funding_platform.core.units import TENOR_HOURS
from funding_platform.execution.config import Exits
from funding_platform.execution.cycle.facts import Exit, Seen, ToClose
from funding_platform.execution.cycle.held import HeldBook, HeldPair

_MINUTE_US = 60_000_000


def house_exits(seen: Seen, book: HeldBook, rules: Exits) -> Sequence[ToClose]:
    """Say which pairs are to be closed, each for the first reason that holds.

    A divergence that is not known closes nothing; a venue that says nothing does.
    """
    if not len(book):
        return ()
    reasons = {
        Exit.FLIPPED: _flipped(book, rules),
        Exit.ERODED: _eroded(book, rules),
        Exit.OLD: _old(book, rules),
        Exit.VENUE_SILENT: _silent(seen, book, rules),
        Exit.MARGIN_LOW: _low_on_margin(seen, book, rules),
    }
    due = np.logical_or.reduce(list(reasons.values())) & ~book.closing
    closes = [
        ToClose(
            pair=book.pairs[number],
            reason=next(reason for reason, holds in reasons.items() if holds[number]),
        )
        for number in map(int, np.flatnonzero(due))
    ]
    return closes or [*_bettered(seen, book, rules)]


def predicted_divergence(book: HeldBook) -> Floats:
    """``short - long`` of the predicted rates per 8 hours of each pair; NaN where unknown."""
    predicted = book.market.predicted_rate_8h
    return np.asarray(predicted[book.short] - predicted[book.long], dtype=np.float64)


def _flipped(book: HeldBook, rules: Exits) -> Flags:
    return np.asarray(rules.on_flip & (predicted_divergence(book) <= 0), dtype=np.bool_)


def _eroded(book: HeldBook, rules: Exits) -> Flags:
    if rules.erosion is None:
        return _none(book)
    entry = np.array([np.nan if p.divergence_8h is None else p.divergence_8h for p in book.pairs])
    return np.asarray(predicted_divergence(book) < (1.0 - rules.erosion) * entry)


def _old(book: HeldBook, rules: Exits) -> Flags:
    if rules.max_age_hours is None:
        return _none(book)
    return np.asarray((book.market.time_us - book.ordered_us) / HOUR_US >= rules.max_age_hours)


def _silent(seen: Seen, book: HeldBook, rules: Exits) -> Flags:
    """Tell which pairs have a venue that cannot be asked, or of which nothing has been heard."""
    if rules.venue_silent_minutes is None:
        return _none(book)
    oldest = seen.market.time_us - rules.venue_silent_minutes * _MINUTE_US
    newest: dict[str, int] = {}
    for leg, seen_us in zip(seen.market.legs, seen.market.seen_us.tolist(), strict=True):
        newest[leg.venue] = max(newest.get(leg.venue, seen_us), seen_us)
    silent = {venue for venue, seen_us in newest.items() if seen_us < oldest}
    return _any_leg(book, silent)


def _low_on_margin(seen: Seen, book: HeldBook, rules: Exits) -> Flags:
    """Tell the largest pair on each venue whose equity is too near to what has to be kept.

    And every pair of which a leg has collateral of its own that is too near to it.
    """
    chosen = _none(book)
    if rules.min_margin_ratio is None:
        return chosen
    for venue, state in seen.venues.items():
        ratio = state.margin_ratio
        if ratio is not None and ratio < rules.min_margin_ratio:
            sizes = [_size_on(pair, venue) for pair in book.pairs]
            if max(sizes) > 0:
                chosen[int(np.argmax(sizes))] = True
        low = {symbol for symbol, own in state.own_ratios.items() if own < rules.min_margin_ratio}
        chosen |= [_is_low(pair, venue, low) for pair in book.pairs]
    return chosen


def _is_low(pair: HeldPair, venue: str, low: Container[str]) -> bool:
    return any(leg.venue == venue and leg.venue_symbol in low for leg in (pair.long, pair.short))


def _size_on(pair: HeldPair, venue: str) -> float:
    """Return the notional of a pair that is to be reckoned with on a venue: none while it goes."""
    concerned = venue in (pair.long.venue, pair.short.venue) and not pair.closing
    return pair.notional_usd if concerned else 0.0


def _bettered(seen: Seen, book: HeldBook, rules: Exits) -> Iterator[ToClose]:
    """Yield the poorest pair where the book is full and another is expected to net more.

    ``best net - holding on > better_by``, where a new pair pays all four fills and holding on pays
    none: ``divergence_8h * horizon / 8``.
    """
    if rules.better_by is None or book.room > 0 or seen.opportunities.is_empty():
        return
    bases = {pair.base for pair in book.pairs}
    earned = pl.col("divergence_8h") * (rules.horizon_hours / TENOR_HOURS)
    net = seen.opportunities.filter(~pl.col("base").is_in(list(bases))).select(
        (earned - pl.col("cost_bps") * BPS).max()
    )
    best = net.item()
    holding_on = predicted_divergence(book) * (rules.horizon_hours / TENOR_HOURS)
    holding_on = np.where(book.closing, np.nan, holding_on)
    if best is None or np.isnan(holding_on).all():
        return
    poorest = int(np.nanargmin(holding_on))
    if best - holding_on[poorest] > rules.better_by:
        yield ToClose(pair=book.pairs[poorest], reason=Exit.BETTERED)


def _any_leg(book: HeldBook, venues: set[str]) -> Flags:
    return np.array(
        [pair.long.venue in venues or pair.short.venue in venues for pair in book.pairs],
        dtype=np.bool_,
    )


def _none(book: HeldBook) -> Flags:
    return np.zeros(len(book), dtype=np.bool_)
