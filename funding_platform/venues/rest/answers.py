"""What an answer is: data of the declared type, or a refusal.

Every answer goes the same way: classified by status and by the error code inside it, then decoded
into the endpoint's declared type. Whatever goes wrong leaves as a ``VenueError``.
"""

import email.utils
import re
import time
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import httpx
import msgspec

from funding_platform.venues.errors import (
    BannedError,
    ContractError,
    RateLimitedError,
    RedirectError,
    RequestError,
    ServerError,
    UndecodableError,
    VenueError,
)
from funding_platform.venues.parsing.leniency import decode_rows
from funding_platform.venues.parsing.repeated_keys import RepeatedKeyError, require_single_keys
from funding_platform.venues.rest.endpoints import Endpoint, Refusal, RefusalHook
from funding_platform.venues.rest.retries import LONGEST_BAN_SECONDS

T = TypeVar("T")

SHUT_OUT: Final = {403: "forbidden", 418: "banned", 451: "not served in this region"}
"""Statuses by which a venue shuts an address out, and what each means."""

_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError)
"""What a decoder raises; the second for text in JSON that is not UTF-8."""

_PATH = re.compile(r" - at `(?P<path>[^`]+)`")

_HINTS: Mapping[type[VenueError], str] = {
    BannedError: "stop asking this venue; a ban ends by itself, and asking on lengthens it",
    RateLimitedError: "another process may share this address; lower FUNDING_RATE_LIMIT_SCALE",
    RedirectError: "set the venue's base URL in FUNDING_VENUE_URLS",
}


def raise_for_refusal(
    venue: str, response: httpx.Response, body: bytes, refusal_in: RefusalHook
) -> None:
    """Raise what the status, or the error code inside the body, stands for.

    Raises
    ------
    VenueError
        If the answer refuses the request; ``retry_after`` as its header says.
    """
    try:
        said = refusal_in(response.status_code, body)
    except (UnicodeDecodeError, RecursionError):
        said = None  # what cannot be read has no code: left to the status and the full decoding
    refusal = _judged(response, said)
    if refusal is None:
        return
    details = "" if said is None or said == refusal else f" ({said.message})"
    error = refusal.kind(
        f"HTTP {response.status_code}, {refusal.message}{details}",
        venue=venue,
        endpoint=str(response.request.url),
        hint=(said and said.hint) or _HINTS.get(refusal.kind),
        payload=body,
    )
    error.retry_after = retry_after(response.headers.get("retry-after"))
    raise error


def decoded(endpoint: Endpoint[T], body: bytes, venue: str, url: str) -> T:
    """Decode the answer as the endpoint declares it.

    Raises
    ------
    ContractError
        If it is JSON of another shape, but for single rows, or has a key twice.
    UndecodableError
        If it is no JSON, or cut short.
    """
    where: dict[str, Any] = {"venue": venue, "endpoint": url, "payload": body}
    try:
        value, read = decode_rows(endpoint, body, venue=venue, url=url)
        require_single_keys(read, value, endpoint.envelope)
        return value
    except RepeatedKeyError as error:
        raise ContractError(
            f"the answer breaks the contract: {error}",
            hint="which of the two values is meant nobody can tell; nothing of it is stored",
            **where,
        ) from error
    except msgspec.ValidationError as error:
        mismatch = error
    except RecursionError as error:
        raise _too_deep(where) from error
    except _NO_JSON as error:
        page = "an HTML page" if body[:64].lstrip().startswith(b"<") else str(error)
        raise UndecodableError(f"not JSON: {page}", **where) from error
    _require_json(body, where)
    found = _PATH.search(str(mismatch))
    raise ContractError(
        f"the answer breaks the contract: {mismatch}",
        hint="compare with the venue's documentation; the payload structs are in its file",
        path=found["path"] if found else "$",
        **where,
    ) from mismatch


def _judged(response: httpx.Response, said: Refusal | None) -> Refusal | None:
    """Judge what an answer refuses: by its status where that is clear, else by its own code."""
    status = response.status_code
    if status in SHUT_OUT:
        return Refusal(BannedError, SHUT_OUT[status])
    if status == 429:
        return Refusal(RateLimitedError, "too many requests")
    if 300 <= status < 400:
        return Refusal(RedirectError, f"points to {response.headers.get('location')}")
    if said is not None:
        return said
    if status >= 500 or status < 200:  # 999, too: HTTP has no such status
        return Refusal(ServerError, "a fault of the venue")
    if status >= 400:
        return Refusal(RequestError, "declined")
    return None


def _require_json(body: bytes, where: dict[str, Any]) -> None:
    """Raise if ``body`` is cut short: a mismatch in the half that came proves nothing."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)  # passes over everything, and keeps nothing
    except RecursionError as error:
        raise _too_deep(where) from error
    except _NO_JSON as error:
        raise UndecodableError(f"not JSON: {error}", **where) from error


def _too_deep(where: dict[str, Any]) -> ContractError:
    return ContractError("nested more deeply than any contract", **where)


def retry_after(value: str | None) -> float | None:
    """Read seconds from a ``Retry-After`` header, which holds seconds or a date; a day at most."""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        return min(float(value), LONGEST_BAN_SECONDS)
    try:
        ahead = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, ahead), LONGEST_BAN_SECONDS)
