"""The legs that pairs are made of: what the board shows of each instrument, and what is handed in.

Each is what ``intermediate.int_opportunity_legs`` has of it, as arrays over the board's rows.
"""

from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
import polars as pl

from funding_platform.core.arrays import Flags, Floats, Ints
from funding_platform.core.market.asset_classes import ASSET_CLASSES, UNSAID
from funding_platform.core.tables.books.depth import SIZES_USD
from funding_platform.core.tables.columns import INSTRUMENT_KEY
from funding_platform.core.time_grid import HOUR_US
from funding_platform.core.units import rate_8h
from funding_platform.live.board.view import NO_TIME, BoardView

MARKET: Final = ("spread_bps", "open_interest_usd", "volume_24h_usd")
"""What many streams do not carry: of an instrument of which the board has none, as handed in."""


DEPTH: Final = tuple(f"impact_{size}_bps" for size in SIZES_USD)
"""What trades of the measured sizes move an order book, as it is handed in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The figures that opportunities are judged by: those that the marts are built with.

    Parameters
    ----------
    size_usd
        Notional of each leg that costs are estimated for.
    max_impact_cost_bps
        Impact of four trades up to which a size is called the largest.
    depth_fresh_hours
        How long a measured order book counts.
    assumed_spread_bps
        Spread of a leg that shows no book.
    depth_share
        Share of a day's turnover that a book is taken to hold within each basis point.
    wide_price_gap_bps
        Beyond it two prices are not of one asset.
    thin_open_interest_usd, thin_volume_usd
        Below them a market is thin.
    heavy_ratio
        Above it, or below its inverse, one leg's open interest is the heavier.
    min_same_sign_share
        Below it a divergence flickers.
    stale_slack_minutes
        How much longer than its own interval a leg may not be seen.
    stale_after_hours
        How long it may not be seen where the interval is unknown.
    """

    size_usd: float
    max_impact_cost_bps: float
    depth_fresh_hours: float
    assumed_spread_bps: float
    depth_share: float
    wide_price_gap_bps: float
    thin_open_interest_usd: float
    thin_volume_usd: float
    heavy_ratio: float
    min_same_sign_share: float
    stale_slack_minutes: float
    stale_after_hours: float


@dataclass(frozen=True, slots=True)
class Legs:
    """Instruments as legs; arrays of shape (n,), NaN where unknown, times in microseconds.

    ``impact_bps`` is of shape (n, sizes): what trades of ``SIZES_USD`` move the order book, as far
    as it was measured; ``measured`` says whether that still counts.
    """

    rate: Floats
    interval_hours: Floats
    rate_8h: Floats
    next_us: Floats
    mark_price: Floats
    open_interest_usd: Floats
    volume_24h_usd: Floats
    spread_bps: Floats
    maker_bps: Floats
    taker_bps: Floats
    observed_us: Floats
    impact_bps: Floats
    stale: Flags
    halted: Flags
    measured: Flags

    def take(self, rows: Ints) -> Self:
        """Return the legs at some rows."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Facts:
    """What does not move with the market, in the order of the board's rows.

    Parameters
    ----------
    instruments
        As the board has them, with ``asset`` and ``fee_tier``; null where there is none.
    maker_bps, taker_bps
        Fees of the venue, NaN where unknown.
    market
        The columns of ``MARKET`` as they were handed in, NaN where unknown.
    impact_bps, measured_us
        What trades move the order book, of shape (n, sizes), and when it was measured; NaN where it
        was not.
    multiplier
        Canonical base per unit of the venue's base.
    halted, listed
        Whether it is not trading, and whether it is known at all.
    """

    instruments: pl.DataFrame
    maker_bps: Floats
    taker_bps: Floats
    market: dict[str, Floats]
    impact_bps: Floats
    measured_us: Floats
    multiplier: Floats
    halted: Flags
    listed: Flags

    @classmethod
    def of(
        cls,
        instruments: pl.DataFrame,
        fees: pl.DataFrame,
        market: pl.DataFrame,
        depth: pl.DataFrame,
    ) -> Self:
        """Put what is handed in beside the instruments.

        Parameters
        ----------
        instruments
            As the board has them.
        fees
            ``venue``, ``tier``, ``maker_bps`` and ``taker_bps``: what is in force, one per venue.
        market
            ``venue``, ``venue_symbol`` and the columns of ``MARKET``.
        depth
            ``venue``, ``venue_symbol``, the columns of ``DEPTH`` and ``measured_at``.
        """
        known = instruments.join(
            fees.select("venue", pl.col("tier").alias("fee_tier"), "maker_bps", "taker_bps"),
            on="venue",
            how="left",
            maintain_order="left",
        )
        for frame in (
            market.select(*INSTRUMENT_KEY, *MARKET),
            depth.select(*INSTRUMENT_KEY, *DEPTH, "measured_at"),
        ):
            known = known.join(frame, on=INSTRUMENT_KEY, how="left", maintain_order="left")
        return cls(
            known.select(*instruments.columns, "fee_tier", _asset()),
            _floats(known["maker_bps"]),
            _floats(known["taker_bps"]),
            {name: _floats(known[name]) for name in MARKET},
            np.column_stack([_floats(known[name]) for name in DEPTH]),
            _floats(known["measured_at"].dt.epoch("us")),
            _floats(known["multiplier"]),
            (known["status"] != "trading").fill_null(value=False).to_numpy(),
            known["base"].is_not_null().to_numpy(),
        )


def _asset() -> pl.Expr:
    """Name the asset as ``asset_classes.ASSET_SQL`` does; null for one that has no peer."""
    said = pl.col("asset_class").cast(pl.Enum(ASSET_CLASSES)).cast(pl.String).fill_null(UNSAID)
    return pl.when(said != "other").then(pl.format("{} {}", "base", said)).alias("asset")


def legs_of(view: BoardView, facts: Facts, limits: Limits) -> Legs:
    """Make legs of what the board shows.

    A leg is stale where it was not seen again within its own interval and some slack, measured from
    the newest observation of any listed instrument.
    """
    observed = np.where(view.observed_us == NO_TIME, np.nan, view.observed_us)
    newest = np.max(
        observed[facts.listed], initial=-np.inf, where=~np.isnan(observed[facts.listed])
    )
    interval = view.interval_hours
    allowed = np.where(
        np.isnan(interval),
        limits.stale_after_hours * HOUR_US,
        interval * HOUR_US + limits.stale_slack_minutes * (HOUR_US / 60),
    )
    rate = view.column("predicted_rate")
    shown = {
        "spread_bps": view.spread_bps,
        "open_interest_usd": view.open_interest_usd,
        "volume_24h_usd": view.column("volume_24h_usd"),
    }
    held = {
        name: np.where(np.isnan(values), facts.market[name], values)
        for name, values in shown.items()
    }
    fresh = newest - facts.measured_us <= limits.depth_fresh_hours * HOUR_US
    return Legs(
        rate=rate,
        interval_hours=interval,
        rate_8h=rate_8h(rate, interval),
        next_us=view.column("next_funding_ms") * 1e3,
        mark_price=view.column("mark_price") / facts.multiplier,
        **held,
        maker_bps=facts.maker_bps,
        taker_bps=facts.taker_bps,
        observed_us=observed,
        impact_bps=np.where(fresh[:, None], facts.impact_bps, np.nan),
        measured=fresh,
        stale=newest - observed > allowed,
        halted=facts.halted,
    )


def _floats(values: pl.Series) -> Floats:
    return values.cast(pl.Float64).fill_null(np.nan).to_numpy()
