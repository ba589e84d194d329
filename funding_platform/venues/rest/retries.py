"""Which failed requests are sent again, when, and what is said of it.

Every try counts in ``core.collection_log.requests``; an error is raised once the last has failed.
In between there is one line for each in the log, at INFO, so that it shows only where it is wanted.
"""

import logging
from typing import Final

import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from funding_platform.venues.errors import VenueError

ATTEMPTS: Final = 5

MAX_WAIT_SECONDS: Final = 120.0
"""A longer ``Retry-After`` is a ban in all but name: raised, not slept through."""

LONGEST_BAN_SECONDS: Final = 86_400.0
"""A venue that asks for more is asked once a day all the same: Binance bans for three days at most,
and a header that says more, or a state file that holds more, is a fault."""

_LONGEST_PAUSE_SECONDS: Final = 8.0
_LOG = logging.getLogger(__name__)


def retrying(first_pause_seconds: float) -> stamina.BoundAsyncRetryingCaller:
    """Make the caller that repeats a call while it is worth it, with pauses that double."""
    caller = stamina.AsyncRetryingCaller(
        attempts=ATTEMPTS,
        timeout=None,
        wait_initial=first_pause_seconds,
        wait_max=_LONGEST_PAUSE_SECONDS,
        wait_jitter=first_pause_seconds,
    )
    return caller.on(_worth_another_try)


def is_waitable(retry_after: float | None) -> bool:
    """Tell whether a wait that a venue asks for is short enough to be slept through."""
    return retry_after is None or retry_after <= MAX_WAIT_SECONDS


def _worth_another_try(error: Exception) -> bool:
    """Tell whether the client itself should try again; a long wait is the caller's decision."""
    return isinstance(error, VenueError) and error.retryable and is_waitable(error.retry_after)


def _log_retry(details: RetryDetails) -> None:
    failure = details.caused_by
    what = failure.message if isinstance(failure, VenueError) else repr(failure)
    _LOG.info("%s; try %d follows in %.1f s", what, details.retry_num + 1, details.wait_for)


def log_retries() -> None:
    """Have retries logged in our words, in place of stamina's, which print all arguments.

    That is a setting of the whole process: entry points make it, importing a venue does not.
    """
    set_on_retry_hooks((_log_retry,))
