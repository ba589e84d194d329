"""What tells made-up contracts and spot markets apart: one array element each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from funding_platform.core.symbols import canonical_base
from funding_platform.sandbox.markets.noise import Bits, bell, draw, key, keys, uniform
from funding_platform.sandbox.markets.series import Values
from funding_platform.sandbox.markets.universe import MAJORS, Coin

_IDLE_PER_RANK = 0.005
_MOST_IDLE = 0.5


class Named(NamedTuple):
    """A contract or spot market: its coin, how the venue spells its base and what its cap is."""

    coin: Coin
    venue_symbol: str
    base: str
    rate_cap: float


@dataclass(frozen=True, slots=True)
class Traits:
    """What tells contracts apart; sliced for a single one.

    ``idle`` is the share of the hours in which nobody deals: none of a popular coin.
    """

    coin_key: Bits
    own_key: Bits
    beta: Values
    bias: Values
    response: Values
    cap: Values
    price: Values
    turnover_usd: Values
    idle: Values

    @classmethod
    def of(cls, seed: int, venue: str, listed: Sequence[Named]) -> "Traits":
        """Draw the traits of some contracts of a venue from their names."""
        coin_key = keys(seed, ["coin"] * len(listed), [one.coin.asset for one in listed])
        own_key = keys(seed, [venue] * len(listed), [one.venue_symbol for one in listed])
        multiplier = [canonical_base(one.base).multiplier for one in listed]
        rank = np.array([one.coin.rank for one in listed])
        return cls(
            coin_key=coin_key,
            own_key=own_key,
            beta=0.6 + 0.8 * uniform(draw(coin_key, 1)),
            bias=0.0001 * bell(draw(key(seed, "bias", venue), 0))
            + 0.00003 * bell(draw(own_key, 2)),
            response=0.6 + 0.8 * uniform(draw(own_key, 3)),
            cap=np.array([one.rate_cap for one in listed]),
            price=np.array([one.coin.price for one in listed]) * np.array(multiplier),
            turnover_usd=5e9 / (1 + rank) ** 1.1 * (0.4 + uniform(draw(own_key, 4))),
            idle=np.clip(_IDLE_PER_RANK * (rank - MAJORS), 0.0, _MOST_IDLE),
        )

    def only(self, position: int) -> "Traits":
        """Return the traits of one contract, as arrays of length one."""
        fields = (getattr(self, name) for name in self.__dataclass_fields__)
        return Traits(*(values[position : position + 1] for values in fields))
