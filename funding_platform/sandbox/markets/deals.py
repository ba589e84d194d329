"""What is dealt on made-up markets: prices of coins, how busy they are, and bars of both."""

import numpy as np

from funding_platform.core.time_grid import HOUR_MS
from funding_platform.sandbox.markets.bars import (
    Price,
    Prices,
    dealt,
    first_dealt,
    price_bars,
    standing_still,
)
from funding_platform.sandbox.markets.noise import draw, uniform, value_noise
from funding_platform.sandbox.markets.series import Candles, Times, Values
from funding_platform.sandbox.markets.traits import Traits

_PRICE = ((2.0, 0.003), (12.0, 0.008), (72.0, 0.02), (430.0, 0.06), (2_600.0, 0.15), (8_760.0, 0.3))
_NEAR = ((1.0, 0.00004),)
_ACTIVITY = ((12.0, 0.15), (200.0, 0.3))
_WICK = {"quoted": 0.004, "traded": 0.006}
_LEAST_VOLUME = 0.001
_VOLUME_DECIMALS = 3
_TURNOVER_DECIMALS = 4


def spot_price(traits: Traits, hours: Values) -> Values:
    """Compute what a coin costs in US dollars, the same everywhere up to a basis point."""
    drift = value_noise(draw(traits.coin_key, 7), hours, _PRICE)
    near = value_noise(draw(traits.own_key, 8), hours, _NEAR)
    return np.asarray(traits.price * np.exp(drift + near))


def activity(traits: Traits, hours: Values) -> Values:
    """Compute how busy a market is, as a multiple of what is usual for it."""
    return np.exp(value_noise(draw(traits.own_key, 9), hours, _ACTIVITY))


def quoted(price: Price, traits: Traits, opens_ms: Times, now: float, decimals: int) -> Candles:
    """Make bars of a figure that is there without a deal: a mark or an index."""
    hours = opens_ms // HOUR_MS
    bars = price_bars(price, traits.coin_key, _WICK["quoted"], hours, now).rounded(decimals)
    unknown = np.full(len(hours), np.nan)
    return Candles(opens_ms, *bars, unknown, unknown)


def traded(price: Price, traits: Traits, opens_ms: Times, now: float, decimals: int) -> Candles:
    """Make bars of deals at a price; an hour without one stands at the last price before it."""
    if not len(opens_ms):
        return quoted(price, traits, opens_ms, now, decimals)
    hours = opens_ms // HOUR_MS
    earlier = int(hours[0]) - first_dealt(int(hours[0]))
    whole = np.arange(int(hours[0]) - earlier, int(hours[-1]) + 1, dtype=np.int64)
    deals = dealt(traits.own_key, traits.idle, whole)
    every = price_bars(price, traits.coin_key, _WICK["traded"], whole, now)
    bars = Prices(*(column[earlier:] for column in standing_still(every, deals)))
    bars = bars.rounded(decimals)
    volumes = np.where(deals[earlier:], _volumes(traits, hours, bars.closes, now), 0.0)
    means = np.mean(bars, axis=0)
    return Candles(opens_ms, *bars, volumes, np.round(volumes * means, _TURNOVER_DECIMALS))


def _volumes(traits: Traits, hours: Times, closes: Values, now: float) -> Values:
    """Compute the base units that change hands in each hour, or in what of it has passed."""
    usual = traits.turnover_usd / 24 * activity(traits, hours.astype(np.float64)) / closes
    passed = np.minimum(1.0, now - hours)
    volumes = usual * passed * (0.6 + 0.8 * uniform(draw(traits.own_key, hours)))
    return np.asarray(np.maximum(np.round(volumes, _VOLUME_DECIMALS), _LEAST_VOLUME))
