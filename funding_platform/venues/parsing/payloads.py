"""How bodies become typed values: the base of payload structs, and arithmetic that keeps absence.

Declare only fields that are used, with the types of ``fields``; a venue may add others at will.
"""

import math
from collections.abc import Sequence
from datetime import UTC
from typing import Any, Literal, TypeVar

import msgspec

from funding_platform.core.time_grid import HOUR_MS, to_ms
from funding_platform.venues.parsing.fields import (
    Decimals,
    MaybeReal,
    MaybeTime,
    Percent,
    Time,
    ZonelessTime,
)

T = TypeVar("T")


def camel_case(name: str) -> str:
    """Spell ``vol_ccy24h`` as ``volCcy24h``; msgspec's own would write ``volCcy24H``."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class Payload(msgspec.Struct, rename=camel_case, gc=False):
    """Base of all payload structs: fields are camelCase on the wire."""


class SymbolRow(Payload):
    """Base of rows that name their perpetual under ``symbol``."""

    venue_symbol: str = msgspec.field(name="symbol")


class Quoted:
    """What rows have that tell the two best quotes, where there are any."""

    __slots__ = ()

    best_bid_price: MaybeReal
    best_ask_price: MaybeReal

    @property
    def best_bid(self) -> float | None:
        """None where nobody bids, which some venues write as 0."""
        return quoted(self.best_bid_price)

    @property
    def best_ask(self) -> float | None:
        """None where nobody asks."""
        return quoted(self.best_ask_price)


class BarRow(Payload, array_like=True):
    """Base of bars that are arrays: when it began, four prices, then what the venue adds."""

    time_ms: Time
    open: MaybeReal
    high: MaybeReal
    low: MaybeReal
    close: MaybeReal


def present(value: T | Literal[""] | None) -> T | None:
    """Return the value, or None where the venue left it out. Zero is a value."""
    return None if value is None or value == "" else value


def quoted(price: MaybeReal) -> float | None:
    """Return the price of a quote; None where there is none, which some venues write as 0."""
    return present(price) or None


def coalesce(*values: MaybeReal) -> float | None:
    """Return the first value that is there."""
    return next((known for known in map(present, values) if known is not None), None)


def product(*factors: MaybeReal) -> float | None:
    """Multiply the factors; None where any is absent."""
    known = _known(factors)
    return None if known is None else math.prod(known)


def total(*terms: MaybeReal) -> float | None:
    """Add up the terms; None where any is absent."""
    known = _known(terms)
    return None if known is None else sum(known)


def larger(a: MaybeReal, b: MaybeReal) -> float | None:
    """Return the larger amount, whatever the signs; None where either is absent."""
    known = _known((a, b))
    return None if known is None else max(map(abs, known))


def ratio(dividend: MaybeReal, divisor: float) -> float | None:
    """Divide, None where the dividend is absent: minutes as hours, say."""
    known = present(dividend)
    return None if known is None else known / divisor


def hours_between(start_ms: MaybeTime, end_ms: MaybeTime) -> float | None:
    """Count the hours from one moment to another, None where either is absent."""
    start, end = present(start_ms), present(end_ms)
    return None if start is None or end is None else (end - start) / HOUR_MS


def utc_ms(time: ZonelessTime) -> int:
    """Return the moment in milliseconds since the epoch."""
    return to_ms(time.replace(tzinfo=UTC))


def step(decimals: Decimals) -> float:
    """Return the smallest difference between two numbers of so many decimals."""
    return 10.0**-decimals


def _known(values: Sequence[MaybeReal]) -> list[float] | None:
    """Return the values, None where any is absent."""
    known = [value for value in map(present, values) if value is not None]
    return known if len(known) == len(values) else None


def fraction(percent: Percent) -> float:
    """``percent / 100``, in decimal: 0.57 % is 0.0057, where floats make 0.005699999999999999."""
    return float(percent + "e-2")


def decoder_of(payload: Any) -> "msgspec.json.Decoder[Any]":
    """Make a decoder that also takes numbers written as strings, as venues write them."""
    return msgspec.json.Decoder(payload, strict=False)
