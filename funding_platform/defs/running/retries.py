"""When Dagster tries a step again: where the error says that another try may help, and only there.

What the client waits for itself (see ``venues.rest.retries``) lies below this: by the time a step
fails, a venue has been asked five times.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import dagster as dg

from funding_platform.core.errors import FundingError
from funding_platform.lake.errors import CommitConflictError, LakeUnreachableError
from funding_platform.venues.errors import VenueError

RETRIES: Final = dg.RetryPolicy(
    max_retries=2, delay=60, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)
"""After one minute, then after two; the venue's pool slot is kept meanwhile."""

_PASSING: Final = (LakeUnreachableError, CommitConflictError)


@contextmanager
def retried_if_retryable() -> Iterator[None]:
    """Fail the step for good, whatever its policy, unless another try may help.

    That is so of a venue's error that is ``retryable``, and of a cluster's servers that were away
    for a moment: what was not committed is undone, and months are replaced whole.
    """
    try:
        yield
    except FundingError as error:
        if isinstance(error, _PASSING) or (isinstance(error, VenueError) and error.retryable):
            raise
        raise dg.Failure(str(error), allow_retries=False) from error
