"""One thing that was looked at, and how a look that fails becomes one too."""

from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from funding_platform.core.errors import FundingError
from funding_platform.lake.explained import translated


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether something is well, and in words.

    Parameters
    ----------
    well
        Whether it is.
    text
        What was found.
    remedy
        What to do about it, where something is to be done.
    name
        What was looked at.
    """

    well: bool
    text: str
    remedy: str | None = None
    name: str = ""


def guarded(look: Callable[[], Finding]) -> Finding:
    """Look; what is refused in words is what was found."""
    try:
        return look()
    except FundingError as error:
        return Finding(False, error.message, error.hint)
    except duckdb.Error as error:
        explained = translated(error)
        return Finding(False, explained.message, explained.hint)
