"""Whether a venue may be asked at all: not while it bans us, nor while it keeps failing.

The breaker opens when call after call has failed, each after all its retries; one answer in between
and the count begins again. Once it has cooled down it lets a single call through, without retries:
an answer closes it, another failure keeps it open. All that share the venue's state share it,
and it survives them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

from funding_platform.venues.errors import (
    BannedError,
    BreakerOpenError,
    UnavailableError,
    VenueError,
)
from funding_platform.venues.rest.breaker_state import (
    COOL_DOWN_SECONDS,
    OPEN_AFTER,
    BreakerRecord,
    record_in,
    record_within,
)
from funding_platform.venues.rest.retries import LONGEST_BAN_SECONDS
from funding_platform.venues.rest.state.files import FileState
from funding_platform.venues.rest.state.store import Statements, StateStore

BAN_SECONDS: Final = 600.0
"""Of a ban whose end the venue does not tell: Bybit's ten minutes, the longest that is documented
for one without ``Retry-After``."""


class Breaker:
    """Stands in front of every call to one venue.

    Parameters
    ----------
    venue
        Name of the venue, for errors.
    state
        What is shared with other processes; by default nothing.
    open_after
        So many failures in a row open it.
    timer
        Seconds since the epoch; by default by the clock of the state.
    """

    def __init__(
        self,
        venue: str,
        state: StateStore | None = None,
        *,
        open_after: float = OPEN_AFTER,
        timer: Callable[[], float] | None = None,
    ) -> None:
        self._venue = venue
        self._open_after = open_after
        self._state = state or FileState()
        self._timer = timer or self._state.now

    @property
    def record(self) -> BreakerRecord:
        """What is remembered of the venue's failures."""
        return record_in(self._state, self._timer())

    @contextmanager
    def call(self) -> Iterator[bool]:
        """Take the block for one call, with its retries; yield whether it only tries the venue out.

        Raises
        ------
        BannedError
            While a ban lasts.
        BreakerOpenError
            While the breaker is open.
        """
        on_trial = self._admit()
        try:
            yield on_trial
        except UnavailableError as error:
            self.count(error)
            raise
        except VenueError:
            self._note_answer()
            raise
        self._note_answer()

    def count(self, error: VenueError) -> None:
        """Count a failure, if it is one to answer at all."""
        if isinstance(error, UnavailableError):
            self._write(
                "failures = failures + 1, last_failure = ?, last_failed_at = ?, retry_at = ?",
                error.message,
                self._timer(),
                self._cooled_down_at(),
            )

    def require_no_ban(self) -> None:
        """Refuse to ask a venue that has banned us, in this process or another.

        Raises
        ------
        BannedError
            While the ban lasts.
        """
        self._record_unless_banned()

    def ban(self, error: VenueError) -> None:
        """Ask no more for as long as the venue said, or for ``BAN_SECONDS``; a day at most."""
        asked = BAN_SECONDS if error.retry_after is None else error.retry_after
        seconds = min(asked, LONGEST_BAN_SECONDS)
        until = self._timer() + seconds
        record_in(self._state, self._timer())  # forgets a ban that would outlast every other
        self._write(
            "banned_until = CASE WHEN banned_until > ? THEN banned_until ELSE ? END, ban = ?",
            until,
            until,
            error.message,
        )

    def _record_unless_banned(self) -> BreakerRecord:
        record, now = self.record, self._now()
        if record.banned_until is not None and now < record.banned_until:
            error = BannedError(
                f"banned until {_moment(record.banned_until)}: {record.ban}",
                venue=self._venue,
                hint=f"the ban ends by itself; it is remembered in {self._state.place}",
            )
            error.retry_after = (record.banned_until - now).total_seconds()
            raise error
        return record

    def _admit(self) -> bool:
        """Tell whether the call that is let through is a trial; a closed breaker locks nothing."""
        if self._record_unless_banned().failures < self._open_after:
            return False
        return self._state.transact(self._let_through)

    def _let_through(self, database: Statements) -> bool:
        """Tell whether the call that is let through is a trial."""
        record, now = record_within(database), self._now()
        if record.failures < self._open_after or record.retry_at is None:
            return False
        if now < record.retry_at:
            raise self._open_error(record, record.retry_at)
        # Until this call is over, or has been under way for too long, it is the only one.
        database.execute("UPDATE breaker SET retry_at = ?", (self._cooled_down_at(),))
        return True

    def _open_error(self, record: BreakerRecord, retry_at: datetime) -> BreakerOpenError:
        error = BreakerOpenError(
            f"{record.failures} calls in a row failed, the next is let through at "
            f"{_moment(retry_at)}; the last failure: {record.last_failure}",
            venue=self._venue,
            hint="see whether the venue is down; nothing need be done once it is back",
        )
        error.retry_after = (retry_at - self._now()).total_seconds()
        return error

    def _note_answer(self) -> None:
        if self.record.failures:
            self._write("failures = 0")

    def _write(self, assignments: str, *values: float | str) -> None:
        self._state.transact(
            lambda database: database.execute(f"UPDATE breaker SET {assignments}", values)
        )

    def _cooled_down_at(self) -> float:
        return self._timer() + COOL_DOWN_SECONDS

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._timer(), UTC)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
