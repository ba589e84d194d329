"""What others published about the histories that the tests replay, asked of any way to them."""

import numpy as np


def assert_published_result_2(btc: np.ndarray, sol: np.ndarray) -> None:
    """Half-life, size and sign of the hourly spread (DavidAyusoPita, funding-carry-analysis).

    Parameters
    ----------
    btc, sol
        Binance less Hyperliquid, % a year, hour by hour.
    """
    assert round(half_life_hours(btc), 2) == 3.12
    assert round(100 * float((btc < 0).mean()), 1) == 72.3
    assert round(float(np.abs(btc).mean()), 2) == 8.46
    assert len(sol) == 18_215
    assert round(half_life_hours(sol), 2) == 1.54
    assert round(float(np.abs(sol).mean()), 2) == 11.40
    assert round(float(np.quantile(np.abs(sol), 0.9)), 2) == 24.36
    assert round(100 * float((np.abs(sol) > 10).mean()), 2) == 41.71
    assert round(100 * float((sol < 0).mean()), 2) == 64.84


def half_life_hours(spread: np.ndarray) -> float:
    """``ln 0.5 / ln b`` with the AR(1) slope b."""
    slope = np.polyfit(spread[:-1], spread[1:], 1)[0]
    return float(np.log(0.5) / np.log(slope))
