"""Where a venue's state lies, by the settings: a file of this machine, or a database of all."""

from funding_platform.settings import Settings
from funding_platform.venues.rest.state.files import FileState, state_file, state_name
from funding_platform.venues.rest.state.postgres import PostgresState
from funding_platform.venues.rest.state.store import StateStore


def open_state(settings: Settings, venue: str, base_url: str) -> StateStore:
    """Open what all who ask a venue share, and make it where there is none.

    Raises
    ------
    SharedStateError
        If it is kept in PostgreSQL, which does not answer.
    MissingExtraError
        If it is kept in PostgreSQL, whose client is not installed.
    """
    if settings.shared_state is not None:
        return PostgresState(settings.shared_state, state_name(venue, base_url), venue)
    return FileState(state_file(settings, venue, base_url))


def look_at_state(settings: Settings, venue: str, base_url: str) -> StateStore:
    """Open the same to look at it: where nobody has asked the venue yet, no file is made.

    Raises
    ------
    SharedStateError, MissingExtraError
        As ``open_state``.
    """
    if settings.shared_state is not None:
        return open_state(settings, venue, base_url)
    file = state_file(settings, venue, base_url)
    return FileState(file if file.exists() else None)
