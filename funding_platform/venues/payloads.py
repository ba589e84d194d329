"""How bodies become typed values: the struct base, and numbers that are what they claim to be.

msgspec checks every declared field while it decodes, so a missing, renamed, null or mistyped one
fails with its path. Declare only fields that are used; a venue may add others at will.
"""

import math
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

_FINITE = Meta(ge=-1e300, le=1e300)
"""Rejects what a decimal string may also spell: ``NaN`` and ``Infinity``."""

Real: TypeAlias = Annotated[float, _FINITE]
"""A finite number, as a JSON number or a decimal string; never absent."""

Positive: TypeAlias = Annotated[float, Meta(gt=0, le=1e300)]
"""A finite number above zero, which can be divided by."""

RealOrBlank: TypeAlias = Annotated[float, _FINITE] | Literal[""]
"""A number that the venue replaces by an empty string where it has none."""

MaybeReal: TypeAlias = Annotated[float, _FINITE] | Literal[""] | None
"""A number that the venue may leave out, as null or as an empty string."""

Whole: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]
"""A whole number, such as a length of time, that a float holds exactly."""

Decimals: TypeAlias = Annotated[int, Meta(ge=0, le=30)]
"""How many decimals a price or a size has; ``step`` is what they stand for."""

LATEST_MS = 4_102_444_800_000
"""2100-01-01. A stamp beyond it is no time, and far enough beyond it fits into no datetime."""

Time: TypeAlias = Annotated[int, Meta(ge=0, le=LATEST_MS)]
"""A moment in milliseconds, or seconds, since the epoch; some venues write 0 for never."""

TimeOrBlank: TypeAlias = Annotated[int, Meta(ge=0, le=LATEST_MS)] | Literal[""]
"""A moment that the venue replaces by an empty string where it has none."""

MaybeTime: TypeAlias = Annotated[int, Meta(ge=0, le=LATEST_MS)] | Literal[""] | None
"""A moment that the venue may leave out."""

Percent: TypeAlias = Annotated[str, Meta(pattern=r"^-?[0-9]{1,9}(\.[0-9]{1,40})?\Z")]
"""A percentage as decimal text; ``fraction`` converts it."""

UnsignedPercent: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,40})?\Z")]
"""The same where the sign is told apart, so that one within the text would count twice."""

T = TypeVar("T")


def camel_case(name: str) -> str:
    """``vol_ccy24h`` as ``volCcy24h``; msgspec's own would write ``volCcy24H``."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class Payload(msgspec.Struct, rename=camel_case, gc=False):
    """Base of all payload structs: fields are camelCase on the wire."""


def present(value: T | Literal[""] | None) -> T | None:
    """The value, or None where the venue left it out. Zero is a value."""
    return None if value is None or value == "" else value


def product(*factors: MaybeReal) -> float | None:
    """The product, None where any factor is absent."""
    known = [factor for factor in map(present, factors) if factor is not None]
    return math.prod(known) if len(known) == len(factors) else None


def step(decimals: Decimals) -> float:
    """The smallest difference between two numbers of so many decimals."""
    return 10.0**-decimals


def fraction(percent: Percent) -> float:
    """``percent / 100``, in decimal: 0.57 % is 0.0057, where floats make 0.005699999999999999."""
    return float(percent + "e-2")


def decoder_of(payload: Any) -> "msgspec.json.Decoder[Any]":
    """A decoder that also takes numbers written as strings, as venues write them."""
    return msgspec.json.Decoder(payload, strict=False)
