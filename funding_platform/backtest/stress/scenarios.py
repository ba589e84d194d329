"""Stress scenarios as data: what prices, stablecoins and venues do, all at one instant."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from funding_platform.backtest.errors import StressError
from funding_platform.core.validation_errors import raise_as

ANY: Final = "*"
LARGEST: Final = "largest"
"""Instead of a venue's name: the one with most of the run's money."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PriceMove(_Part):
    """How far prices of a base move, on one venue or on all."""

    base: str = Field(default=ANY, min_length=1)
    venue: str = Field(default=ANY, min_length=1)
    move: float = Field(gt=-1, description="Relative to the price before.")

    def fits(self, base: str, venue: str) -> bool:
        """Whether it is of this base and venue."""
        return self.base in (ANY, base) and self.venue in (ANY, venue)

    @property
    def specificity(self) -> tuple[bool, bool]:
        """Sorts the more specific last: a base counts for more than a venue."""
        return self.base != ANY, self.venue != ANY


class Failure(_Part):
    """A venue gives back nothing, or a part."""

    venue: str = Field(min_length=1, description="Its name, or largest.")
    lost: float = Field(gt=0, le=1, description="Share of what lies there.")


class Deleveraging(_Part):
    """Winning legs are closed by the venue before the move is over."""

    share: float = Field(gt=0, le=1, description="Of every winning leg.")
    after: float = Field(ge=0, lt=1, description="Share of the move that it still earned.")


class Scenario(_Part):
    """Shocks that come together."""

    name: str = Field(min_length=1)
    title: str = Field(min_length=1)
    sources: tuple[str, ...] = Field(min_length=1, description="Where the figures come from.")
    note: str = ""
    prices: tuple[PriceMove, ...] = ()
    quotes: dict[str, float] = Field(default={}, description="Dollars that a stablecoin is worth.")
    failure: Failure | None = None
    deleveraging: Deleveraging | None = None

    def move(self, base: str, venue: str) -> float:
        """How far the price of a base moves on a venue: by the most specific of those that fit."""
        fitting = [one for one in self.prices if one.fits(base, venue)]
        return max(fitting, key=lambda one: one.specificity).move if fitting else 0.0


class _File(_Part):
    scenario: tuple[Scenario, ...]


@cache
def built_in() -> tuple[Scenario, ...]:
    """Read the scenarios of ``scenarios.toml``, in its order."""
    text = files(__package__).joinpath("scenarios.toml").read_text(encoding="utf-8")
    return scenarios_of(text)


def scenarios_of(text: str) -> tuple[Scenario, ...]:
    """Read the scenarios of a TOML text.

    Raises
    ------
    StressError
        If the text is no TOML, or describes no scenarios.
    """
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StressError(f"the scenarios are no TOML: {error}") from error
    with raise_as(StressError, "the scenarios make no sense", _File.model_fields):
        return _File.model_validate(given).scenario


def chosen(names: tuple[str, ...]) -> tuple[Scenario, ...]:
    """Return the built-in scenarios of some names; all where none is named.

    Raises
    ------
    StressError
        If there is none of a name.
    """
    known = {one.name: one for one in built_in()}
    if unknown := [name for name in names if name not in known]:
        raise StressError(
            f"no stress scenario {', '.join(unknown)}", hint=f"there are {', '.join(known)}"
        )
    return tuple(known[name] for name in names) or built_in()
