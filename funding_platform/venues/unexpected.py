"""The last wall between a venue and all others: no exception leaves without a type.

What a venue sends can make our own code fail in ways that nobody thought of: too deep, too large,
of another kind. That is a failure of this venue's call, never of the collection.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from funding_platform.core.errors import FundingError
from funding_platform.core.plain_text import legible
from funding_platform.venues.errors import UnexpectedError

_LOG = logging.getLogger(__name__)


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
        _LOG.exception("%s %s: %s", venue, endpoint, what)
        raise UnexpectedError(
            f"the adapter failed on this answer: {what}",
            venue=venue,
            endpoint=endpoint,
            hint="a fault of the adapter, whatever the venue sent; the log has the traceback",
        ) from error
