"""What the coins are worth that quanto contracts pay in.

A quanto contract is quoted in dollars and pays, for each dollar of its price, an amount of a coin
that is neither its base nor its quote. What it pays is worth what that coin is when it is paid.
"""

from typing import Final, NamedTuple

import numpy as np
import polars as pl

from funding_platform.backtest.data.rows import (
    require_columns,
    require_numbers,
    require_text,
    require_times,
    require_values,
)
from funding_platform.backtest.errors import DataError
from funding_platform.core.arrays import Floats, Ints
from funding_platform.core.symbols import canonical_base
from funding_platform.core.tables.schema import UTC_TIME

NO_COIN: Final = -1
"""The coin of a contract that needs none to be valued."""

_SCHEMA: Final = pl.Schema({"coin": pl.String(), "time": UTC_TIME, "price": pl.Float64()})


class Coins(NamedTuple):
    """Dollars per coin as they became known: of coin ``c`` rows ``first[c]`` to ``first[c+1]``."""

    of: Ints
    """The coin of each instrument; ``NO_COIN`` but for quanto contracts."""
    first: Ints
    time_us: Ints
    price: Floats


def coins_of(given: pl.DataFrame | None) -> pl.DataFrame:
    """Check prices of coins, and put them in order; none where none were given.

    Raises
    ------
    DataError
        If a column is missing, a coin has two prices at once, or a price cannot be.
    """
    if given is None:
        return pl.DataFrame(schema=_SCHEMA)
    table, names = "coin_prices", tuple(_SCHEMA)
    require_columns(table, given, names)
    require_text(table, given, ("coin",))
    require_times(table, given, ("time",))
    require_values(table, given, names)
    require_numbers(table, given, ("price",))
    rows = given.select(names).cast(_SCHEMA).sort("coin", "time")
    twice = rows.select("coin", "time").is_duplicated()
    bad = ~rows["price"].is_finite() | (rows["price"] <= 0)
    for faulty, fault in ((twice, "is there twice"), (bad, "is not positive")):
        if faulty.any():
            coin, time, price = rows.filter(faulty).row(0)
            raise DataError(f"{table}: the price {price} of {coin} at {time} {fault}")
    return rows


def build_coins(instruments: pl.DataFrame, prices: pl.DataFrame) -> Coins:
    """Lay out the prices of the coins that the instruments pay in, coin after coin."""
    quanto = instruments["contract_type"] == "quanto"
    settles = [
        canonical_base(coin).base if pays else None
        for pays, coin in zip(quanto, instruments["settle"], strict=True)
    ]
    coins = sorted({coin for coin in settles if coin is not None})
    numbers = {coin: number for number, coin in enumerate(coins)}
    wanted = prices.filter(pl.col("coin").is_in(coins))
    owners = np.array([numbers[coin] for coin in wanted["coin"]], dtype=np.int64)
    return Coins(
        of=np.array(
            [NO_COIN if coin is None else numbers[coin] for coin in settles], dtype=np.int64
        ),
        first=np.searchsorted(owners, np.arange(len(coins) + 1)).astype(np.int64),
        time_us=wanted["time"].cast(pl.Int64).to_numpy(),
        price=wanted["price"].to_numpy(),
    )
