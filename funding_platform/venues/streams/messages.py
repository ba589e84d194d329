"""How a message becomes typed values: checked as the REST side checks an answer.

A good message is decoded once and costs nothing more. One that is not what was declared is looked
at again by the REST side's own means (``rest.answers``): what is wrong with it and where, and which
of its rows can be kept. Of a key that comes twice in a good message the last counts: to look for
such keys takes longer than decoding.
"""

from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from funding_platform.venues.errors import ContractError, RequestError, VenueError
from funding_platform.venues.parsing.leniency import leaving_out
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.parsing.records import Listing
from funding_platform.venues.rest.answers import decoded
from funding_platform.venues.rest.endpoints import Endpoint
from funding_platform.venues.specification import VenueSpec
from funding_platform.venues.streams.contract import Frame

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


class Message(Generic[T]):
    """One kind of message.

    Parameters
    ----------
    venue, channel
        Who sends it, and on which channel; errors name both.
    payload
        The type of what it holds, for msgspec.
    within
        Name of the field that holds it, as of an ``Endpoint``.
    """

    def __init__(
        self, venue: str, channel: str, payload: type[T] | UnionType, within: str | None = None
    ) -> None:
        self._venue = venue
        self._endpoint = Endpoint[T](channel, payload, within=within)

    def read(self, message: str | bytes) -> tuple[T, list[ContractError]]:
        """Return what the message holds, and what was wrong with the rows that are left out.

        Raises
        ------
        ContractError
            If it is JSON of another shape, but for single rows.
        UndecodableError
            If it is no JSON, or cut short.
        """
        try:
            return self._endpoint.decode(message), []
        except _UNREADABLE:
            body = message.encode(errors="replace") if isinstance(message, str) else message
            with leaving_out() as lost:
                value = decoded(self._endpoint, body, self._venue, self._endpoint.path)
            return value, lost.errors

    def one(self, message: str | bytes) -> T:
        """Return what a message without rows holds."""
        return self.read(message)[0]

    def broken(self, complaint: str, message: str | bytes, path: str = "$") -> ContractError:
        """Make an error for a message that decodes but makes no sense."""
        return ContractError(
            complaint, venue=self._venue, endpoint=self._endpoint.path, payload=message, path=path
        )

    def unknown(self, message: str | bytes, path: str) -> Frame:
        """Make the frame of a message of a kind that is not in the contract: it costs itself."""
        return Frame(unread=[self.broken("a message of an unknown kind", message, path)])


class Declined(Payload):
    """What a venue says in place of data, as most write it."""

    code: int | str
    message: str = ""

    def frame(
        self,
        venue: str,
        message: str | bytes,
        meanings: Mapping[str | int, type[VenueError]],
        asked: str = "",
    ) -> Frame:
        """Make the frame of it.

        Parameters
        ----------
        venue, message
            Who declines, and in which message.
        meanings
            Codes with a meaning of their own; others are a ``RequestError``.
        asked
            What of, where that is known.
        """
        kind = meanings.get(self.code, RequestError)
        return Frame(
            refused=refused(kind, f"{asked}error {self.code}: {self.message}", venue, message)
        )


def changes_to(kind: type[msgspec.Struct], *, named_by: str = "venue_symbol") -> Any:
    """Make the type of what changed in a payload: its fields, any of which may be absent.

    Parameters
    ----------
    kind
        The payload as a whole.
    named_by
        The field that says whose it is, which is never absent.
    """
    return msgspec.defstruct(
        f"{kind.__name__}Changes",
        [
            (field.name, field.type, msgspec.field(name=field.encode_name))
            if field.name == named_by
            else (
                field.name,
                field.type | UnsetType,
                msgspec.field(name=field.encode_name, default=UNSET),
            )
            for field in msgspec.structs.fields(kind)
        ],
        gc=False,
        kw_only=True,
    )


def merged(whole: S, changes: msgspec.Struct) -> S:
    """Return the payload with what changed; what is unset is as it was."""
    changed = {
        name: value
        for name in changes.__struct_fields__
        if (value := getattr(changes, name)) is not UNSET
    }
    return msgspec.structs.replace(whole, **changed)


def trading(listings: Iterable[Listing], spec: VenueSpec) -> list[str]:
    """List the symbols of those that trade: only these are certain to speak."""
    return [row.venue_symbol for row in listings if spec.statuses.get(row.status) == "trading"]


def may_trade(listing: Listing | None, spec: VenueSpec) -> bool:
    """Tell whether what is said of a perpetual counts: it trades, or is too new to be listed."""
    return listing is None or spec.statuses.get(listing.status) == "trading"


def refused(kind: type[VenueError], said: str, venue: str, message: str | bytes) -> VenueError:
    """Make the error of what a venue declines."""
    return kind(f"declined: {said}", venue=venue, endpoint="subscription", payload=message)
