"""What can go wrong between us and a venue.

VenueError
├── UnavailableError        no usable answer now; another try may bring one
│   ├── ConnectionFailedError   refused, reset, or broken off in the middle
│   ├── VenueTimeoutError       no answer, or not all of it, in time
│   ├── ServerError             the venue admits a fault of its own (HTTP 5xx)
│   ├── UndecodableError        an HTML page, JSON cut short, no JSON at all
│   ├── StaleStreamError        a stream that is open and says nothing
│   ├── MissedMessageError      a message of a stream was lost on the way
│   └── BreakerOpenError        it kept failing and is left alone for a while
├── RateLimitedError        too many requests; wait ``retry_after`` seconds
├── BannedError             the venue shut us out (403, 418, 451): stop asking at once
├── RequestError            the venue understood the request and declines it
│   ├── UnknownSymbolError      it does not list that symbol
│   └── RedirectError           it points elsewhere; we do not follow
├── ContractError           well-formed, but not what the venue's contract says
│   └── TooLargeError           more than any answer of it, or than its share of the memory
├── EmptyAnswerError        nothing, where there is always something
├── ImpossibleBookError     an order book that crosses itself, or has what no book has
├── PagingError             a history that does not move on
│   └── ConflictError           two rates for one settlement
├── OrderError             an order was declined or its outcome is unknown, in ``orders/errors.py``
├── UnexpectedError        our own code fell over what the venue sent
├── NotRecordedError        a replay asks for what was not recorded
├── SharedStateError        the database that keeps what all machines share does not answer
├── NotOfferedError         the venue has no such data at all
├── MissingExtraError       it is reached through a package that is not installed
└── UnknownVenueError       nothing of that name is registered

Two questions every error answers: could a rerun change this (``retryable``), and is it about the
whole venue rather than one symbol (``stops_venue``)?
"""

from typing import ClassVar

from funding_platform.core.errors import FundingError
from funding_platform.core.plain_text import legible

SNIPPET_LENGTH = 300
"""How much of an offending body an error carries along, in characters."""

ENDPOINT_LENGTH = 500
"""How much of a URL; what a symbol adds to it is the venue's to say."""


class VenueError(FundingError):
    """A venue did not deliver.

    Parameters
    ----------
    message
        What happened. Parts of it are the venue's words: it is stored and shown as ``legible``.
    venue
        Name of the venue.
    endpoint
        URL, path or history that was asked for.
    hint
        What the reader can do about it.
    payload
        The offending body; kept up to ``SNIPPET_LENGTH`` characters.
    path
        Where in the body, as msgspec writes it: ``$[3].markPrice``.

    Attributes
    ----------
    retry_after
        Seconds that the venue asks to wait; None where it does not say.
    """

    retryable: ClassVar[bool] = False
    stops_venue: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        venue: str,
        endpoint: str = "",
        hint: str | None = None,
        payload: bytes | str | None = None,
        path: str | None = None,
    ) -> None:
        endpoint = legible(endpoint, ENDPOINT_LENGTH)
        where = f"{venue} {endpoint}".rstrip()
        super().__init__(f"{where}: {legible(message)}", hint=hint)
        self.venue = venue
        self.endpoint = endpoint
        self.payload = _snippet(payload)
        self.path = path
        self.retry_after: float | None = None


def _snippet(payload: bytes | str | None) -> str | None:
    """Return the head of a body as text."""
    if isinstance(payload, bytes):
        # A character takes at most four bytes.
        payload = payload[: 4 * SNIPPET_LENGTH].decode(errors="replace")
    return payload and legible(payload[:SNIPPET_LENGTH])


class UnavailableError(VenueError):
    """No usable answer now; another try may bring one."""

    retryable = True


class ConnectionFailedError(UnavailableError):
    """The connection was refused, reset, or broken off in the middle of an answer."""


class VenueTimeoutError(UnavailableError):
    """No answer, or not all of it, in the time allowed."""


class ServerError(UnavailableError):
    """The venue admits a fault of its own."""


class UndecodableError(UnavailableError):
    """The body is not JSON: an HTML page in between, or an answer cut short."""


class StaleStreamError(UnavailableError):
    """A stream is open, and what it carries has not been heard of for too long."""


class MissedMessageError(UnavailableError):
    """A message of a stream was lost on the way: what it told has to be fetched anew."""


class BreakerOpenError(UnavailableError):
    """The venue kept failing and is left alone; ``retry_after`` says for how long."""

    stops_venue = True


class RateLimitedError(VenueError):
    """Too many requests; ``retry_after`` says how long to wait, where the venue does."""

    retryable = True
    stops_venue = True


class BannedError(VenueError):
    """The venue shut this address out. Asking on lengthens the ban."""

    stops_venue = True


class RequestError(VenueError):
    """The venue understood the request and declines it."""


class UnknownSymbolError(RequestError):
    """The venue does not list that symbol."""


class RedirectError(RequestError):
    """The venue points to another address, which is never followed."""

    stops_venue = True


class ContractError(VenueError):
    """A well-formed answer that is not what the venue's contract says."""

    stops_venue = True


class TooLargeError(ContractError):
    """More than any answer of the venue, or than its share of the memory, can hold."""


class EmptyAnswerError(VenueError):
    """Nothing, where there is always something. Replaces nothing that is stored."""

    retryable = True


class ImpossibleBookError(VenueError):
    """An order book that cannot be: the best bid above the best ask, a price or size below 0.

    It is that market's trouble, and of that moment: the next one may be sound.
    """

    retryable = True


class PagingError(VenueError):
    """A history that does not move on: the same page again, or a cursor going nowhere."""


class ConflictError(PagingError):
    """Two different rates for one settlement."""


class UnexpectedError(VenueError):
    """Our own code fell over what the venue sent: a fault of the adapter, at the venue's cost."""


class NotRecordedError(VenueError):
    """A replay asks for something that was not answered when it was recorded."""


class NotOfferedError(VenueError):
    """The venue has no such data at all: an aggregator keeps no history."""

    stops_venue = True


class SharedStateError(VenueError):
    """The database that keeps what all machines share about venues does not answer.

    Nothing was asked of the venue: without the others' requests nobody knows what it would bear.
    """

    retryable = True
    stops_venue = True


class MissingExtraError(VenueError):
    """The venue is reached through a package that is not installed."""

    stops_venue = True


class UnknownVenueError(VenueError):
    """Nothing of that name is registered."""
