"""Is this the catalog that the files were written under? Asked before maintenance.

An older copy that was put back knows nothing of what came after it. Nothing is deleted for being
unknown, but a lake that has lost sight of its newest rows should not go on as if it had not.
"""

from pathlib import Path

import duckdb

from funding_platform.lake.catalog import files_dir, parquet_files
from funding_platform.lake.errors import CatalogOutdatedError
from funding_platform.lake.upkeep.leftovers import born, created_at, listed, unknown_files
from funding_platform.settings import Settings

SUSPICIOUS_SHARE = 0.1
"""Of all files, how many the catalog may not know before it is taken for an older one."""

FEW_FILES = 5
"""As many may be unknown however small the lake."""


def refuse_outdated(connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[Path]:
    """Return the files that the catalog does not know and nobody is proven to have left.

    Raises
    ------
    CatalogOutdatedError
        If many of them came to be after the catalog was made. What is older than the catalog is
        what it was rebuilt from, or another lake's.
    """
    left, made = listed(settings), created_at(connection)
    unknown = [path for path in unknown_files(connection, settings) if path.name not in left]
    younger = [path for path in unknown if (birth := born(path)) is not None and birth > made]
    held = len(parquet_files(files_dir(settings)))
    if len(younger) > max(FEW_FILES, SUSPICIOUS_SHARE * held):
        raise CatalogOutdatedError(
            f"{len(younger)} of {held} files in {files_dir(settings)} are younger than the catalog "
            f"and unknown to it, {younger[0].name} for one: it seems to be an older copy of the "
            "catalog that was put back. Nothing was changed",
            hint="`funding lake rebuild --force` makes a catalog that knows them too; files that "
            "you know to be rubbish can be deleted by hand",
        )
    return unknown
