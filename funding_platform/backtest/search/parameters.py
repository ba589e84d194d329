"""Which configurations a sweep tries: points of a grid, or points drawn at random from it.

A point names fields of a configuration by dotted paths, ``costs.slippage.half_spread_bps``, and
gives each a value. What it does to a configuration is validated as if a person had written it.
"""

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from funding_platform.backtest.errors import UnknownFieldError

Point = dict[str, Any]
Model = TypeVar("Model", bound=BaseModel)


class SweepPlan(BaseModel):
    """The axes of a sweep, and whether all their combinations are tried or some."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    axes: dict[str, tuple[Any, ...]] = Field(
        min_length=1, description="Values by dotted path of the field; order is kept."
    )
    method: Literal["grid", "random"] = Field(
        default="grid", description="Every combination, or samples drawn without repetition."
    )
    samples: int | None = Field(
        default=None, ge=1, description="Combinations drawn; random only, where it is required."
    )
    seed: int = Field(default=0, ge=0, description="Of the draw; the same seed, the same points.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if empty := [path for path, values in self.axes.items() if not values]:
            raise ValueError(f"axes without values: {', '.join(empty)}")
        for path, values in self.axes.items():
            # Not by a set: values may be lists or tables.
            if twice := [value for n, value in enumerate(values) if value in values[:n]]:
                raise ValueError(f"axis {path} has {twice[0]!r} more than once")
        if (self.samples is None) == (self.method == "random"):
            raise ValueError("`samples` goes with the method random, and only with that")
        return self

    def points(self) -> list[Point]:
        """List the points in the order of the grid, the last axis turning fastest.

        A random plan draws without repetition; asked for more than there are, it gives all.
        """
        sizes = [len(values) for values in self.axes.values()]
        total = math.prod(sizes)
        if self.samples is None or self.samples >= total:
            return [
                dict(zip(self.axes, values, strict=True))
                for values in itertools.product(*self.axes.values())
            ]
        generator = np.random.default_rng(self.seed)
        drawn = sorted(generator.choice(total, size=self.samples, replace=False).tolist())
        return [self._point(np.unravel_index(number, sizes)) for number in drawn]

    def _point(self, positions: Iterable[Any]) -> Point:
        return {
            path: values[int(position)]
            for (path, values), position in zip(self.axes.items(), positions, strict=True)
        }


def at_point(config: Model, point: Mapping[str, Any]) -> Model:
    """Return the configuration with the point's values in place of its own.

    Parameters
    ----------
    config
        What all points of a sweep have in common.
    point
        Values by dotted path.

    Raises
    ------
    UnknownFieldError
        If a path names no field of the configuration.
    pydantic.ValidationError
        If a value is out of bounds, or contradicts another field.
    """
    fields = config.model_dump()
    for path, value in point.items():
        *parents, name = path.split(".")
        owner = fields
        for parent in parents:
            owner = _below(owner, parent, path)
        _below(owner, name, path, leaf=True)
        owner[name] = value
    return type(config).model_validate(fields)


def _below(owner: dict[str, Any], name: str, path: str, *, leaf: bool = False) -> dict[str, Any]:
    """Return the fields below a field; any value will do at the end of a path."""
    if name not in owner or not (leaf or isinstance(owner[name], dict)):
        known = ", ".join(sorted(owner))
        raise UnknownFieldError(
            f"no field {path!r} in the configuration: there is no {name!r}",
            hint=f"fields there: {known}",
        )
    return owner[name] if isinstance(owner[name], dict) else {}
