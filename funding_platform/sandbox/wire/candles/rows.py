"""What the candle endpoints of all venues share."""

import numpy as np
import polars as pl

from funding_platform.sandbox.markets.market import Instrument, SpotMarket
from funding_platform.sandbox.markets.series import Candles, PriceKind, Span, Values
from funding_platform.sandbox.wire.contract import ParameterError, Request
from funding_platform.sandbox.wire.decimals import fixed_all, shortest

SIZE_DECIMALS = 3
"""Decimals of amounts."""

VALUE_DECIMALS = 4
"""Decimals of turnovers."""

_LARGEST_WHOLE = 2**53
"""Below it a float tells every whole number from the next."""


def must_be(request: Request, name: str, spelled: str) -> None:
    """Refuse another length of bars than the hour, which is all that the sandbox has."""
    if request.required(name) != spelled:
        raise ParameterError(name)


def bars(
    request: Request, of: Instrument | SpotMarket, kind: PriceKind, span: Span, decimals: int
) -> Candles:
    """Return bars of a contract or of a spot market."""
    if isinstance(of, SpotMarket):
        return request.market.spot_candles(request.venue, of.venue_symbol, span, decimals)
    return request.market.candles(request.venue, of.venue_symbol, kind, span, decimals)


def texts(values: Values, decimals: int) -> list[str]:
    """Spell numbers as ``fixed_all`` does, a column at once if it can; empty where unknown."""
    whole = np.abs(values) * 10**decimals < _LARGEST_WHOLE
    if (np.isnan(values) | (whole & (np.round(values, decimals) == values))).all():
        column = pl.Series(values, nan_to_null=True).cast(pl.Decimal(38, decimals))
        return column.cast(pl.String).fill_null("").to_list()
    spelled = fixed_all(values.tolist(), decimals)
    for row in np.flatnonzero(np.isnan(values)).tolist():
        spelled[row] = ""
    return spelled


def numbers(values: Values) -> list[str]:
    """Spell bare JSON numbers, ``null`` where unknown."""
    return ["null" if value != value else shortest(value) for value in values.tolist()]


def prices(candles: Candles, decimals: int) -> tuple[list[str], list[str], list[str], list[str]]:
    """Spell opens, highs, lows and closes as text."""
    return (
        texts(candles.opens, decimals),
        texts(candles.highs, decimals),
        texts(candles.lows, decimals),
        texts(candles.closes, decimals),
    )


def deals(candles: Candles) -> list[int]:
    """Count deals to go with the volumes; none where no volume is known."""
    known = np.nan_to_num(candles.volumes)
    counted: list[int] = np.ceil(100 * np.log1p(known)).astype(np.int64).tolist()
    return counted
