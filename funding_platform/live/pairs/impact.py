"""Impact of trades, measured or modelled, in arrays: the formulas of ``arbitrage.formulas``.

A measurement is an array of shape (n, sizes): a row per leg, a column per size of ``SIZES_USD``,
NaN where the book was not measured or was not seen to hold as much.
"""

from typing import Final

import numpy as np

from funding_platform.core.arrays import Floats
from funding_platform.core.tables.books.depth import SIZES_USD

SIZES: Final = tuple(SIZES_USD.values())


def measured_impact_bps(measured: Floats, size_usd: float) -> Floats:
    """Read the impact of a size off the straight lines between those measured; NaN beyond them."""
    low, start = np.zeros(len(measured)), 0.0
    for place, end in enumerate(SIZES):
        high = measured[:, place]
        if size_usd <= end:
            return np.asarray(low + (high - low) * (size_usd - start) / (end - start))
        low, start = high, end
    return np.full(len(measured), np.nan)


def leg_impact_bps(measured: Floats, size_usd: float, model: Floats) -> Floats:
    """Return the impact as measured, else by the model.

    The model says no less than the largest size that was measured moves the book.
    """
    known = measured_impact_bps(measured, size_usd)
    furthest = np.fmax.reduce(np.where(np.isnan(measured), 0.0, measured), axis=1)
    return np.where(np.isnan(known), np.maximum(model, furthest), known)


def is_measured(measured: Floats, size_usd: float, model: Floats) -> Floats:
    """Return 1 where the impact is measured, 0 where it is the model's, NaN where unknown."""
    known = measured_impact_bps(measured, size_usd)
    return np.where(np.isnan(known), np.where(np.isnan(model), np.nan, 0.0), 1.0)


def impacts_at_bps(measured: Floats, size_usd: float, model: Floats) -> Floats:
    """Return the impact of every size, of shape (n, sizes).

    Of a leg that was measured it is what was measured, else the model's, in proportion to size.
    """
    by_model = model[:, None] * np.array(SIZES) / size_usd
    return np.where(np.isnan(measured[:, :1]), by_model, measured)


def max_size_usd(costs_bps: Floats, limit_bps: float) -> Floats:
    """Find the size at which the impact of four trades comes to a limit, of shape (n,).

    Parameters
    ----------
    costs_bps
        That impact at every size, of shape (n, sizes).
    limit_bps
        The limit.
    """
    found = np.where(np.isnan(costs_bps[:, 0]), np.nan, SIZES[-1])
    settled = np.isnan(costs_bps[:, 0])
    low, start = np.zeros(len(costs_bps)), 0.0
    for place, end in enumerate(SIZES):
        high = costs_bps[:, place]
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = start + (end - start) * (limit_bps - low) / (high - low)
        found = np.where(~settled & np.isnan(high), start, found)
        settled |= np.isnan(high)
        found = np.where(~settled & (high > limit_bps), crossing, found)
        settled |= high > limit_bps
        low, start = high, end
    return found
