"""What pydantic finds wrong with what a person wrote, in the platform's own words."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from funding_platform.core.errors import FundingError


@contextmanager
def raise_as(
    kind: type[FundingError], complaint: str, fields: Iterable[str] = (), *, hint: str | None = None
) -> Iterator[None]:
    """Turn what pydantic raises inside into an error of the platform.

    Its message is the complaint and then every fault: the field by its dotted path, what is wrong
    with it, and the value.

    Parameters
    ----------
    fields
        Names that exist; one that does not is answered with those most like it.
    """
    try:
        yield
    except ValidationError as error:
        faults = error.errors(include_url=False)
        said = "; ".join(_in_words(fault, fields) for fault in faults)
        raise kind(f"{complaint}: {said}", hint=hint) from error


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Write ``; did you mean …`` with the names most like the given one, or nothing."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    found = get_close_matches(name.casefold(), by_folded, n=3)
    return f"; did you mean {' or '.join(by_folded[match] for match in found)}?" if found else ""


def _in_words(fault: Any, fields: Iterable[str]) -> str:
    name = ".".join(map(str, fault["loc"]))
    if fault["type"] == "extra_forbidden":
        return f"{name}: there is no such field{did_you_mean(name, fields)}"
    if fault["type"] == "missing":
        return f"{name}: is required"
    if fault["type"] == "value_error":
        message = fault["msg"].removeprefix("Value error, ")
    else:
        message = f"{fault['msg'][:1].lower()}{fault['msg'][1:]} (got {fault['input']!r})"
    return f"{name}: {message}" if name else message
