"""The spot markets of one made-up venue."""

from collections.abc import Sequence
from functools import partial

from funding_platform.core.time_grid import HOUR_MS
from funding_platform.sandbox.markets.deals import spot_price, traded
from funding_platform.sandbox.markets.market import VenueStyle
from funding_platform.sandbox.markets.series import Candles, Span
from funding_platform.sandbox.markets.traits import Named, Traits
from funding_platform.sandbox.markets.universe import Coin, spot_listings


class SyntheticSpot:
    """Spot markets of the popular coins, where the venue has any."""

    def __init__(self, style: VenueStyle, seed: int, coins: Sequence[Coin], start_ms: int) -> None:
        listed = spot_listings(style, seed, coins, start_ms)
        self.markets = [market for _, market in listed]
        self._positions = {market.venue_symbol: at for at, market in enumerate(self.markets)}
        names = [Named(coin, market.venue_symbol, market.base, 0.0) for coin, market in listed]
        self._traits = Traits.of(seed, f"{style.venue} spot", names)

    def candles(self, venue_symbol: str, span: Span, now_ms: int, decimals: int) -> Candles:
        """Make bars of one market."""
        position = self._positions[venue_symbol]
        traits = self._traits.only(position)
        opens_ms = span.on_grid(self.markets[position].listed_ms, now_ms, HOUR_MS)
        return traded(partial(spot_price, traits), traits, opens_ms, now_ms / HOUR_MS, decimals)
