"""A catalog that is lost: whether it is, which copy can be read, how another takes its place."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb

from funding_platform.lake.catalog import known_names
from funding_platform.lake.connection import (
    attach,
    bare_connection,
)
from funding_platform.lake.errors import (
    CatalogLostError,
    CatalogSoundError,
)
from funding_platform.lake.locks import commit_lock
from funding_platform.lake.profiles import profile_of
from funding_platform.lake.profiles.contract import CatalogPlace
from funding_platform.settings import Settings


@contextmanager
def lost_catalog(settings: Settings, way: str, *, force: bool = False) -> Iterator[bool]:
    """Hold the commit lock over a catalog that is lost; yields whether it can be read."""
    profile = profile_of(settings)
    settings.lake_dir.mkdir(parents=True, exist_ok=True)
    with commit_lock(settings):
        sound = _can_be_read(settings, profile.catalog)
        if sound and not force:
            raise CatalogSoundError(
                f"the catalog at {profile.place} can be read: there is nothing to {way}",
                hint="`funding doctor` tells whether files are missing; `funding lake rebuild "
                "--force` takes in files that the catalog does not know",
            )
        yield sound


def _can_be_read(settings: Settings, catalog: CatalogPlace) -> bool:
    """Tell whether a catalog is there, ours, and readable to the end of its list of files."""
    if isinstance(catalog, Path) and (not catalog.exists() or not catalog.stat().st_size):
        return False
    with closing(bare_connection(settings)) as connection:
        try:
            attach(connection, settings, read_only=True, catalog=catalog)
            known_names(connection)
        except (CatalogLostError, duckdb.Error):
            return False
    return True


def readable_copy(settings: Settings) -> Path | None:
    """Return the newest copy of the catalog that can be read."""
    copies = profile_of(settings).copies
    return next((copy for copy in copies if _can_be_read(settings, copy)), None)
