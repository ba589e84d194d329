"""The table of opportunities as the market stands: ``marts.opportunities``, kept up with the board.

Every pair has a slot. An update of the board moves legs, and only the slots of legs that moved are
worked out anew, all of them at once; a leg moves when its venue speaks of it, or when it becomes
stale without a word. Text is put beside the figures when somebody reads.

What a board does not know is handed in as frames: fees in force, what settled, and what streams
leave out of the market.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.tables.marts.opportunities import IMPACT_SOURCES, OPPORTUNITIES
from funding_platform.core.tables.marts.reasons import TIERS
from funding_platform.live.board.view import BoardView, times
from funding_platform.live.pairs.figures import (
    ACTIONABLE,
    CODES,
    REJECT,
    Figures,
    figures_of,
    reasons_of,
    tiers_of,
)
from funding_platform.live.pairs.impact import is_measured
from funding_platform.live.pairs.legs import DEPTH, Facts, Legs, Limits, legs_of
from funding_platform.live.pairs.slots import Slots, past_of_way, slots_of

_LEG_FIGURES: Final = (
    *("rate", "interval_hours", "rate_8h", "maker_bps", "taker_bps", "spread_bps"),
    *("volume_24h_usd", "open_interest_usd"),
)

_TIMES: Final = {
    "long_next_funding_us": "long_next_funding_time",
    "short_next_funding_us": "short_next_funding_time",
    "both_settled_us": "both_settled_at",
    "observed_us": "observed_at",
    "valid_until_us": "valid_until",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a board does not know.

    Parameters
    ----------
    fees
        ``venue``, ``tier``, ``maker_bps`` and ``taker_bps`` in force, one row per venue.
    past
        The key of ``marts.opportunities``, ``discovered_at`` and the columns of
        ``pairs_slots.PAST``.
    market
        ``venue``, ``venue_symbol``, ``spread_bps``, ``open_interest_usd`` and ``volume_24h_usd``
        as they were seen last, for instruments of which the board has none.
    depth
        ``venue``, ``venue_symbol``, the columns of ``pairs_legs.DEPTH`` and ``measured_at``: the
        newest measurement of every order book.
    limits
        What pairs are judged by.
    """

    fees: pl.DataFrame
    past: pl.DataFrame
    market: pl.DataFrame
    depth: pl.DataFrame
    limits: Limits


class PairTable:
    """The opportunities of a board.

    Parameters
    ----------
    given
        What the board does not know; ``take`` replaces it.
    """

    _facts: Facts
    _slots: Slots
    _legs: Legs
    _long: Ints
    _short: Ints
    _discovered: Floats
    _mask: Ints
    _tier: Ints

    def __init__(self, given: Given) -> None:
        self._given = given
        self._listed: pl.DataFrame | None = None
        self._sequence = self._version = -1
        self._known_discovered = given.past
        self._figures: Figures = {}

    def take(self, given: Given) -> None:
        """Go on with newer inputs; all pairs are worked out anew at the next update."""
        if self._listed is not None:
            self._known_discovered = self.frame()
        self._given = given
        self._listed = None

    def update(self, view: BoardView) -> Ints:
        """Work out anew the pairs of which a leg has moved; return their slots.

        Parameters
        ----------
        view
            The board as it stands, not older than the one before.
        """
        if view.instruments is not self._listed:
            self._lay_out(view)
        legs = legs_of(view, self._facts, self._given.limits)
        moved = (view.seen_at > self._sequence) | (view.changed_at > self._version)
        moved |= legs.stale != self._legs.stale
        moved |= legs.measured != self._legs.measured
        slots = np.flatnonzero(moved[self._slots.one] | moved[self._slots.other])
        self._legs, self._sequence, self._version = legs, view.sequence, view.version
        if slots.size or not self._figures:
            self._work_out(slots)
        return slots

    def frame(self, slots: Ints | None = None) -> pl.DataFrame:
        """Return pairs with the columns of ``marts.opportunities``.

        Parameters
        ----------
        slots
            Those wanted, as ``update`` returned them; all by default. A pair of which a leg has
            never been seen is left out.
        """
        if not self._figures:
            return OPPORTUNITIES.empty()
        wanted = np.arange(len(self._slots)) if slots is None else slots
        wanted = wanted[self._seen(wanted)]
        columns: dict[str, pl.Series] = {}
        long, short = self._long[wanted], self._short[wanted]
        names = self._facts.instruments
        columns["base"] = names["base"].gather(long)
        columns["asset"] = names["asset"].gather(long)
        for side, rows in (("long", long), ("short", short)):
            leg = self._legs.take(rows)
            columns[f"{side}_symbol"] = names["venue_symbol"].gather(rows)
            for name in ("venue", "quote", "fee_tier"):
                columns[f"{side}_{name}"] = names[name].gather(rows)
            for name in _LEG_FIGURES:
                columns[f"{side}_{name}"] = pl.Series(getattr(leg, name), nan_to_null=True)
            for place, name in enumerate(DEPTH):
                known = leg.impact_bps[:, place]
                columns[f"{side}_{name}"] = pl.Series(known, nan_to_null=True)
            columns[f"{side}_impact_source"] = self._source(side, leg, wanted)
            columns[f"{side}_observed_at"] = times("", leg.observed_us)
        for name, values in self._figures.items():
            shown = values[wanted]
            if name in _TIMES:
                columns[_TIMES[name]] = times("", shown)
            else:
                columns[name] = pl.Series(shown, nan_to_null=True)
        columns["discovered_at"] = times("", self._discovered[wanted])
        columns["open_interest_balance"] = self._balance(
            self._figures["open_interest_ratio"][wanted]
        )
        columns["tier"] = pl.Series(TIERS).gather(self._tier[wanted])
        columns["reasons"] = _codes(self._mask[wanted])
        return OPPORTUNITIES.conform(pl.DataFrame(columns))

    def best(self, count: int) -> Ints:
        """Return the slots of the pairs that earn most: so many of all, and the actionable ones.

        Of these the best of each asset, by ``net_apr``. One whose net is unknown is not ranked.
        """
        if not self._figures:
            return np.empty(0, dtype=np.int64)
        net = self._figures["net_apr"]
        known = np.flatnonzero(~np.isnan(net))
        ranked = known[np.argsort(-net[known], kind="stable")]
        actionable = ranked[self._tier[ranked] == ACTIONABLE]
        assets = self._facts.instruments["asset"].gather(self._long[actionable]).to_numpy()
        _, first = np.unique(assets.astype(str), return_index=True)
        return np.union1d(ranked[:count], actionable[first])

    def _seen(self, slots: Ints) -> Flags:
        observed = self._legs.observed_us
        return ~np.isnan(observed[self._slots.one[slots]] + observed[self._slots.other[slots]])

    def _source(self, side: str, leg: Legs, slots: Ints) -> pl.Series:
        """Say how the impact of a leg is known."""
        model = self._figures[f"{side}_impact_model_bps"][slots]
        measured = is_measured(leg.impact_bps, self._given.limits.size_usd, model)
        place = np.select((measured == 1, measured == 0), (0, 1), -1)
        return pl.Series(IMPACT_SOURCES).gather(pl.Series(place).replace(-1, None))

    def _balance(self, ratio: Floats) -> pl.Series:
        """Say which leg's open interest is the heavier."""
        heavy = self._given.limits.heavy_ratio
        place = np.select((ratio > heavy, ratio < 1 / heavy, ratio == ratio), (0, 2, 1), -1)
        known = pl.Series(place).replace(-1, None)
        return pl.Series(OPPORTUNITIES.column("open_interest_balance").values).gather(known)

    def _lay_out(self, view: BoardView) -> None:
        """Make the slots anew, for the instruments or what is handed in have changed."""
        discovered = self._known_discovered if self._listed is None else self.frame()
        given = self._given
        self._facts = Facts.of(view.instruments, given.fees, given.market, given.depth)
        self._slots = slots_of(self._facts.instruments, given.past, discovered)
        self._listed = view.instruments
        self._legs = legs_of(view, self._facts, given.limits)
        self._sequence = self._version = -1
        size = len(self._slots)
        turned = self._turned(np.arange(size))
        self._long, self._short = self._ways(np.arange(size), turned)
        self._discovered = np.where(turned, *self._slots.discovered_us[::-1])
        self._mask = np.zeros(size, dtype=np.int64)
        self._tier = np.full(size, REJECT)
        self._figures = {}

    def _turned(self, slots: Ints) -> Flags:
        """Tell which pairs are long the one that is second by name: its rate is the lower."""
        rates = self._legs.rate_8h
        lower: Flags = rates[self._slots.other[slots]] < rates[self._slots.one[slots]]
        return lower

    def _ways(self, slots: Ints, turned: Flags) -> tuple[Ints, Ints]:
        """Return the long and the short leg of pairs."""
        one, other = self._slots.one[slots], self._slots.other[slots]
        return np.where(turned, other, one), np.where(turned, one, other)

    def _work_out(self, slots: Ints) -> None:
        turned = self._turned(slots)
        long_rows, short_rows = self._ways(slots, turned)
        turns = long_rows != self._long[slots]
        self._long[slots], self._short[slots] = long_rows, short_rows
        long, short = self._legs.take(long_rows), self._legs.take(short_rows)
        past = past_of_way(self._slots.past, slots, turned)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            figures = figures_of(long, short, past, self._given.limits)
        mask = reasons_of(long, short, past, figures, self._given.limits)
        self._tier[slots] = tier = tiers_of(mask)
        self._mask[slots] = mask
        since = np.where(turns, np.nan, self._discovered[slots])
        since = np.where(np.isnan(since), figures["observed_us"], since)
        self._discovered[slots] = np.where(tier == REJECT, np.nan, since)
        for name, values in figures.items():
            if name not in self._figures:
                self._figures[name] = np.full(len(self._slots), np.nan)
            self._figures[name][slots] = values


def _codes(mask: Ints) -> pl.Series:
    """Write out the reasons of each mask; there are far fewer masks than pairs."""
    masks, place = np.unique(mask, return_inverse=True)
    lists = [
        [code for bit, code in enumerate(CODES) if number >> bit & 1] for number in masks.tolist()
    ]
    return pl.Series(lists, dtype=pl.List(pl.String)).gather(place)
