"""What a call costs that may fail, or is never made."""

import asyncio
import gc
import inspect

import pytest

from funding_platform.venues.errors import RateLimitedError, UnavailableError, VenueError
from funding_platform.venues.rest.calls import Calls
from funding_platform.venues.rest.http import HttpClient


def calls() -> Calls:
    return Calls("venue", HttpClient.__new__(HttpClient))  # nothing here sends a request


async def answer(error: VenueError | None = None) -> str:
    await asyncio.sleep(0)
    if error is not None:
        raise error
    return "answered"


def test_a_failure_that_was_attempted_is_a_warning() -> None:
    asking, error = calls(), UnavailableError("down", venue="venue")
    assert asyncio.run(asking.attempt(answer(), "none")) == "answered"
    assert asyncio.run(asking.attempt(answer(error), "none")) == "none"
    assert asking.warnings == [error]


def test_a_rate_limit_is_raised() -> None:
    with pytest.raises(RateLimitedError):
        asyncio.run(calls().attempt(answer(RateLimitedError("slow", venue="venue")), "none"))


def test_what_is_cancelled_before_it_begins_leaves_nothing_unawaited() -> None:
    """A coroutine that is dropped unawaited is a warning, and warnings are errors here."""
    never_asked = answer()

    async def cancelled() -> None:
        task = asyncio.create_task(calls().attempt(never_asked, "none"))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    gc.collect()
    assert inspect.getcoroutinestate(never_asked) == inspect.CORO_CLOSED
