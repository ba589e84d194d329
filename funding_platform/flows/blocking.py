"""Coroutine functions for callers without a loop: commands, assets, notebooks."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def blocking(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Return a function that does what a coroutine function does, in a loop of its own."""

    @wraps(function)
    def run(*arguments: P.args, **named: P.kwargs) -> T:
        return asyncio.run(function(*arguments, **named))

    return run
