"""Does a strategy still earn what its backtest promised? Asked of its last trades.

An edge that others have found dies slowly. Returns per trade show it earlier than equity does,
because they do not depend on how much was at stake.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from funding_platform.backtest.results.ratios import ROUNDING, is_flat
from funding_platform.core.arrays import Floats

TRADES_IN_WINDOW: Final = 30
"""Enough for a ratio to mean something, few enough to notice within weeks."""

ALERT_QUANTILE: Final = 0.05
"""An alert where fewer than this share of the backtest's own windows were as bad."""

Verdict = Literal["no live trades", "too few trades", "as expected", "decayed"]


@dataclass(frozen=True, slots=True)
class EdgeDecay:
    """The newest live window beside the backtest's windows; ratios are per trade."""

    verdict: Verdict
    live_trades: int
    live_sharpe: float | None = None
    backtest_sharpe: float | None = None
    """The backtest's median window."""
    alert_below: float | None = None
    """``ALERT_QUANTILE`` of the backtest's windows."""


def rolling_trade_sharpe(returns: Floats, window: int = TRADES_IN_WINDOW) -> Floats:
    """``mean / s`` over each ``window`` consecutive trades, ``s`` with ddof 1.

    Parameters
    ----------
    returns
        Net return of each trade on its notional, in the order in which they closed, shape
        (trades,).
    window
        Trades in a window, at least 2.

    Returns
    -------
    numpy.ndarray
        Shape (max(trades - window + 1, 0),); NaN where a window does not vary.
    """
    if len(returns) < window:
        return np.empty(0)
    windows = np.lib.stride_tricks.sliding_window_view(returns, window)
    deviation = windows.std(axis=1, ddof=1)
    deviation[np.ptp(windows, axis=1) <= ROUNDING] = np.nan
    ratios: Floats = windows.mean(axis=1) / deviation
    return ratios


def edge_decay(live: Floats, backtest: Floats, *, window: int = TRADES_IN_WINDOW) -> EdgeDecay:
    """Compare the newest window of live trades with all windows of the backtest.

    ``decayed`` where the live ratio lies below the ``ALERT_QUANTILE`` of the backtest's: a window
    that bad was rare while the edge was there. Out-of-sample trades count as live ones do.

    Live trades that all return the same have no ratio, yet are not too few to judge: the edge has
    decayed where they lose, whatever the backtest's ratios, and has not where they do not.

    Parameters
    ----------
    live, backtest
        Net return of each closed trade on its notional, in the order in which they closed.
    window
        Trades in a window.

    Returns
    -------
    EdgeDecay
        ``too few trades`` where either side has no whole window, or none with a ratio, unless the
        live one does not vary.
    """
    if len(live) == 0:
        return EdgeDecay("no live trades", 0)
    newest = rolling_trade_sharpe(live[-window:], window)
    if len(newest) and len(backtest) >= window and is_flat(live[-window:]):
        loses = live[-window:].mean() < 0.0
        return EdgeDecay("decayed" if loses else "as expected", len(live))
    expected = rolling_trade_sharpe(backtest, window)
    expected = expected[np.isfinite(expected)]
    if len(newest) == 0 or not np.isfinite(newest[0]) or len(expected) == 0:
        return EdgeDecay("too few trades", len(live))
    bound = float(np.quantile(expected, ALERT_QUANTILE))
    return EdgeDecay(
        verdict="decayed" if newest[0] < bound else "as expected",
        live_trades=len(live),
        live_sharpe=float(newest[0]),
        backtest_sharpe=float(np.median(expected)),
        alert_below=bound,
    )
