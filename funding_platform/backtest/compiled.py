"""The one door to numba: a decorator that keeps a function's type, and compiles on first call."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def compiled(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """The function as machine code, cached on disk between processes."""
    return cast("Callable[Parameters, Result]", numba.njit(function, cache=True, nogil=True))
