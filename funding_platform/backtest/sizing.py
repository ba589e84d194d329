"""How large a position is that names no size: fixed, a share of equity, or by what it risks."""

import numpy as np

from funding_platform.backtest.config import BacktestConfig
from funding_platform.backtest.data.reference import Reference
from funding_platform.backtest.positions import Account
from funding_platform.core.time_grid import HOUR_US
from funding_platform.strategies.contract import Open

_DAY_US = 24 * HOUR_US


def size_usd(
    config: BacktestConfig,
    order: Open,
    account: Account,
    reference: Reference,
    base: int,
    now_us: int,
) -> float:
    """Notional of each leg: the order's, or what the configuration makes of ``now_us``.

    fixed
        ``position_usd``.
    equity
        ``share * equity``: profits are put to work.
    risk
        ``share * equity / volatility``: where the price of the base moves by one standard
        deviation of a day, one leg loses that share.

    Returns
    -------
    float
        In US dollars; not positive where equity is not, NaN where the volatility is unknown.
    """
    if order.size_usd is not None:
        return float(order.size_usd)
    sizing = config.sizing
    if sizing.by == "fixed":
        return config.position_usd
    if sizing.by == "equity":
        return sizing.share * account.equity_usd
    span_us = round(config.look_back_hours * HOUR_US)
    volatility = daily_volatility(reference, base, now_us, span_us)
    return sizing.share * account.equity_usd / volatility


def daily_volatility(reference: Reference, base: int, now_us: int, span_us: int) -> float:
    """``sqrt(sum(ln(move)^2) / days)`` over the moves of a base in the span before an instant.

    NaN where they cover less than a day, or it did not move.
    """
    first, last = int(reference.first[base]), int(reference.first[base + 1])
    times = reference.time_us[first:last]
    begin, end = np.searchsorted(times, [now_us - span_us, now_us], side="right")
    if end - begin < 2 or times[end - 1] - times[begin] < _DAY_US:
        return float("nan")
    moves = np.log(reference.move[first + begin + 1 : first + end])
    days = (times[end - 1] - times[begin]) / _DAY_US
    volatility = float(np.sqrt((moves**2).sum() / days))
    return volatility if volatility > 0.0 else float("nan")
