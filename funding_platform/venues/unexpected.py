"""The last wall between a venue and all others: no exception leaves without a type.

What a venue sends can make our own code fail in ways that nobody thought of: too deep, too large,
of another kind. That is a failure of this venue's call, never of the collection.
"""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from funding_platform.core.errors import FundingError
from funding_platform.core.plain_text import legible, visible
from funding_platform.venues.errors import UnexpectedError

_LOG = logging.getLogger(__name__)

_TRACEBACK_LENGTH = 20_000
"""Characters of a traceback that are logged: the message at its end may be a whole answer."""


@contextmanager
def typed_failures(venue: str, endpoint: str) -> Iterator[None]:
    """Raise whatever fails inside the block as an error of the venue, its traceback logged.

    Cancellation and interrupts pass: they are not failures.

    Raises
    ------
    FundingError
        What was raised, if it has a type of ours.
    UnexpectedError
        In place of any other exception.
    """
    try:
        yield
    except FundingError:
        raise
    except Exception as error:
        what = f"{type(error).__name__} {legible(str(error))}".rstrip()
        _LOG.error("%s %s: %s\n%s", venue, endpoint, what, _traceback_of(error))
        raise UnexpectedError(
            f"the adapter failed on this answer: {what}",
            venue=venue,
            endpoint=endpoint,
            hint="a fault of the adapter, whatever the venue sent; the log has the traceback",
        ) from error


def _traceback_of(error: Exception) -> str:
    """Return the traceback as text: what the venue wrote into it does nothing to a log."""
    return visible("".join(traceback.format_exception(error))[:_TRACEBACK_LENGTH])
