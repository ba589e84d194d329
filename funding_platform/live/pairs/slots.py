"""Which pairs there are, and what is known of their past, either way round."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.symbols import is_dollar
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.live.pairs.figures import Figures, Past

PAST: Final = ("settled_7d", "settled_30d", "same_sign_share", "half_life_hours")
"""Columns of ``marts.opportunities`` that history tells; they are handed in."""


@dataclass(frozen=True, slots=True)
class Slots:
    """Two instruments of one asset each, by their rows on the board; ``one`` is first by name.

    ``past`` and ``discovered_us`` have what is known of either way round: ``[0]`` where ``one`` is
    the long leg.
    """

    one: Ints
    other: Ints
    past: tuple[Past, Past]
    discovered_us: tuple[Floats, Floats]

    def __len__(self) -> int:
        return len(self.one)


def past_of_way(past: tuple[Past, Past], slots: Ints, turned: Flags) -> Past:
    """Choose what is known of each pair the way round that it stands."""
    return Past(
        *(
            np.where(turned, getattr(past[1], name)[slots], getattr(past[0], name)[slots])
            for name in Past.__slots__
        )
    )


def slots_of(instruments: pl.DataFrame, past: pl.DataFrame, discovered: pl.DataFrame) -> Slots:
    """Find all pairs of dollar-quoted, listed instruments of one asset at two venues."""
    quotes = instruments["quote"].unique().drop_nulls()
    dollars = [quote for quote in quotes if is_dollar(quote)]
    legs = (
        instruments.with_row_index("row")
        .filter(
            (pl.col("status") != "delisted")
            & pl.col("quote").is_in(dollars)
            & pl.col("asset").is_not_null()
        )
        .select("row", "asset", *INSTRUMENT_KEY)
    )
    pairs = (
        legs.join(legs, on="asset", suffix="_other")
        .filter(pl.col("venue") < pl.col("venue_other"))
        .sort("venue", "venue_symbol", "venue_other", "venue_symbol_other")
    )
    ways = (("", "_other"), ("_other", ""))
    told = [_told(pairs, past, PAST, *way) for way in ways]
    since = _told(pairs, discovered, ("discovered_at",), *ways[0])["discovered_at"]
    other_since = _told(pairs, discovered, ("discovered_at",), *ways[1])["discovered_at"]
    return Slots(
        pairs["row"].cast(pl.Int64).to_numpy(),
        pairs["row_other"].cast(pl.Int64).to_numpy(),
        (_past_of(told[0], told[1]), _past_of(told[1], told[0])),
        (since, other_since),
    )


def _told(
    pairs: pl.DataFrame, past: pl.DataFrame, columns: tuple[str, ...], long: str, short: str
) -> Figures:
    """Find what is known of each pair, long the one and short the other; NaN where nothing is."""
    key = [
        name.replace("symbol", "venue_symbol") + suffix
        for suffix in (long, short)
        for name in ("venue", "symbol")
    ]
    rows = past.select("long_venue", "long_symbol", "short_venue", "short_symbol", *columns)
    found = pairs.select(key).join(
        rows, left_on=key, right_on=rows.columns[:4], how="left", maintain_order="left"
    )
    return {
        name: found[name].to_physical().cast(pl.Float64).fill_null(np.nan).to_numpy()
        for name in columns
    }


def _past_of(same: Figures, turned: Figures) -> Past:
    """Put together what is known of a pair as it stands, and of it the other way round.

    Turned, a pair has earned the opposite, and its half-life is the same. Of hours with the other
    sign only the most is known, for in some both legs may have paid the same.
    """
    share = same["same_sign_share"]
    return Past(
        settled_7d=_first_known(same["settled_7d"], -turned["settled_7d"]),
        settled_30d=_first_known(same["settled_30d"], -turned["settled_30d"]),
        same_sign_share=share,
        share_at_most=_first_known(share, 1 - turned["same_sign_share"]),
        half_life_hours=_first_known(same["half_life_hours"], turned["half_life_hours"]),
    )


def _first_known(values: Floats, others: Floats) -> Floats:
    return np.where(np.isnan(values), others, values)
