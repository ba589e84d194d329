"""A price that is looked for when it is asked for is the one that was known then."""

from itertools import pairwise

import numpy as np
import pytest

from funding_platform.backtest.data.panel import Prices
from funding_platform.backtest.looked_up import LastPrices

STALE_US = 12


def drawn(seed: int) -> Prices:
    """Prices of instruments, one of which has none, at any times of a hundred."""
    random = np.random.default_rng(seed)
    counts = [*random.integers(0, 30, 5), 0]
    times = [np.sort(random.choice(100, count, replace=False)) for count in counts]
    count = sum(counts)
    return Prices(
        first=np.cumsum([0, *counts]),
        time_us=np.concatenate(times).astype(np.int64),
        price=random.random(count),
        kind=np.zeros(count, dtype=np.int8),
        low=np.empty(0),
        high=np.empty(0),
    )


@pytest.mark.parametrize("seed", range(10))
def test_it_matters_not_how_often_prices_were_asked_for_before(seed: int) -> None:
    """Of all, of some, or of none; the last two at the same time as well."""
    prices, random = drawn(seed), np.random.default_rng(seed)
    count = len(prices.first) - 1
    shown = LastPrices(prices, STALE_US)
    for now in np.sort(random.integers(0, 130, 40)).tolist():
        rows = [
            begin + np.flatnonzero(prices.time_us[begin:end] <= now)
            for begin, end in pairwise(prices.first)
        ]
        seen = np.array([prices.time_us[one[-1]] if len(one) else -1 for one in rows])
        which = random.random(count) < 0.5
        if random.random() < 0.7:
            some = shown.seen_us(now, which)
            assert (some[which & (seen >= 0)] == seen[which & (seen >= 0)]).all()
            assert (some[~which] <= np.where(seen < 0, some, seen)[~which]).all()
        if random.random() < 0.4:
            last = [prices.price[one[-1]] if len(one) else np.nan for one in rows]
            known = np.where((seen >= 0) & (now - seen <= STALE_US), last, np.nan)
            np.testing.assert_array_equal(shown.price(now), known)
            past = shown.past(now, 0, 3)
            assert past.time_us.tolist() == prices.time_us[rows[0][-3:]].tolist()
