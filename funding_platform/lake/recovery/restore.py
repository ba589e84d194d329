"""A way back from a lost catalog: put a copy of it back.

Nothing is deleted: the catalog that is replaced is kept beside the one that takes its place.
"""

import shutil
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from funding_platform.lake.catalog import (
    LAKE,
    catalog_file,
    copy_file,
    files_dir,
    known_names,
    parquet_files,
)
from funding_platform.lake.connection import (
    connect,
    let_readers_read_while_others_write,
)
from funding_platform.lake.errors import (
    CatalogLostError,
)
from funding_platform.lake.recovery.lost import lost_catalog, put_in_place, readable_copy
from funding_platform.settings import Settings


@dataclass(frozen=True, slots=True)
class Restored:
    """A copy that was put back: which, its newest commit, how many files it does not know."""

    copy: Path
    committed_at: datetime
    files_unknown: int
    kept: Path | None


def restore(settings: Settings) -> Restored:
    """Put the newest copy of the catalog back that can be read.

    Raises
    ------
    CatalogSoundError
        If the catalog can be read.
    CatalogLostError
        If no copy can.
    """
    with lost_catalog(settings, "restore"):
        copy = readable_copy(settings)
        if copy is None:
            raise CatalogLostError(
                f"there is no copy of the catalog in {copy_file(settings).parent} that can be read",
                hint="make a new one from the files: `funding lake rebuild`",
            )
        aside = catalog_file(settings).with_name(".catalog.sqlite.restored")
        shutil.copyfile(copy, aside)
        let_readers_read_while_others_write(aside)
        kept = put_in_place(settings, aside)
        with closing(connect(settings)) as lake:
            known = known_names(lake)
            (newest,) = lake.execute(
                f"SELECT max(snapshot_time) FROM {LAKE}.snapshots()"
            ).fetchone() or (None,)
    files = parquet_files(files_dir(settings))
    assert isinstance(newest, datetime)
    return Restored(copy, newest, sum(path.name not in known for path in files), kept)
