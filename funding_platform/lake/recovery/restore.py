"""A way back from a lost catalog: put a copy of it back.

Nothing is deleted: the catalog that is replaced is kept beside the one that takes its place.
"""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from funding_platform.lake.catalog import LAKE, known_names
from funding_platform.lake.connection import connect
from funding_platform.lake.errors import (
    CatalogLostError,
)
from funding_platform.lake.profiles import profile_of
from funding_platform.lake.recovery.lost import lost_catalog, readable_copy
from funding_platform.settings import Settings


@dataclass(frozen=True, slots=True)
class Restored:
    """A copy that was put back: which, its newest commit, how many files it does not know."""

    copy: Path
    committed_at: datetime
    files_unknown: int
    kept: str | None


def restore(settings: Settings) -> Restored:
    """Put the newest copy of the catalog back that can be read.

    Raises
    ------
    CatalogSoundError
        If the catalog can be read.
    CatalogLostError
        If no copy can.
    """
    profile = profile_of(settings)
    with lost_catalog(settings, "restore"):
        copy = readable_copy(settings)
        if copy is None:
            raise CatalogLostError(
                f"there is no copy of the catalog of {profile.place} that can be read",
                hint="bring it back from a backup (`funding restore`), or make a new one from the "
                "files (`funding lake rebuild`)",
            )
        profile.take_catalog(copy)
        kept = profile.put_in_place(profile.aside)
        with closing(connect(settings)) as lake:
            known = known_names(lake)
            (newest,) = lake.execute(
                f"SELECT max(snapshot_time) FROM {LAKE}.snapshots()"
            ).fetchone() or (None,)
    files = profile.files.listing()
    assert isinstance(newest, datetime)
    return Restored(copy, newest, sum(file.name not in known for file in files), kept)
