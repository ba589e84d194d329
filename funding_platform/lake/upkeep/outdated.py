"""Is this the catalog that the files were written under? Asked before maintenance.

An older copy that was put back knows nothing of what came after it. Nothing is deleted for being
unknown, but a lake that has lost sight of its newest rows should not go on as if it had not.
"""

import duckdb

from funding_platform.lake.catalog import known_names
from funding_platform.lake.errors import CatalogOutdatedError
from funding_platform.lake.profiles import profile_of
from funding_platform.lake.profiles.contract import LakeFile
from funding_platform.lake.upkeep.leftovers import born, created_at, listed
from funding_platform.settings import Settings

SUSPICIOUS_SHARE = 0.1
"""Of all files, how many the catalog may not know before it is taken for an older one."""

FEW_FILES = 5
"""As many may be unknown however small the lake."""


def refuse_outdated(connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[LakeFile]:
    """Return the files that the catalog does not know and nobody is proven to have left.

    Raises
    ------
    CatalogOutdatedError
        If many of them came to be after the catalog was made. What is older than the catalog is
        what it was rebuilt from, or another lake's.
    """
    left, made = listed(settings), created_at(connection)
    files, known = profile_of(settings).files.listing(), known_names(connection)
    unknown = [file for file in files if file.name not in known and file.name not in left]
    younger = [file for file in unknown if (birth := born(file.name)) is not None and birth > made]
    held = len(files)
    if len(younger) > max(FEW_FILES, SUSPICIOUS_SHARE * held):
        raise CatalogOutdatedError(
            f"{len(younger)} of {held} files in {profile_of(settings).files.root} are younger than "
            f"the catalog and unknown to it, {younger[0].name} for one: it seems to be an older "
            "copy of the catalog that was put back. Nothing was changed",
            hint="`funding lake rebuild --force` makes a catalog that knows them too; files that "
            "you know to be rubbish can be deleted by hand",
        )
    return unknown
