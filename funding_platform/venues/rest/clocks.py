"""What a venue's clock says of ours: every HTTP answer is stamped by its server."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


def ahead_of(headers: Mapping[str, str], received_at: datetime) -> timedelta | None:
    """Return by how much our clock was ahead of the server's; None where the answer has no stamp.

    An answer from a cache was stamped when it went in; its ``Age`` says how long it has lain there.

    Parameters
    ----------
    headers
        Of the answer, by lower-case names.
    received_at
        When it came, by our clock.
    """
    try:
        stamped = parsedate_to_datetime(headers["date"])
        age = timedelta(seconds=int(headers.get("age", "0")))
        return received_at - (stamped.replace(tzinfo=stamped.tzinfo or UTC) + age)
    except (KeyError, ValueError, OverflowError):
        return None
