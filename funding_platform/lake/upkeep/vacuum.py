"""Giving back the room within the catalog that deleted entries have left."""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from funding_platform.lake.catalog import catalog_file, readable
from funding_platform.lake.locks import commit_lock
from funding_platform.settings import Settings

WORTH_BYTES = 1024 * 1024
"""Less free room than this stays: the catalog needs some of it again within hours."""

_LOOK = """
import json, sqlite3, sys
catalog = sqlite3.connect(sys.argv[1], timeout=30)
pragma = lambda name: catalog.execute(f"PRAGMA {name}").fetchone()[0]
free = lambda: pragma("freelist_count") * pragma("page_size")
before = free()
if before >= int(sys.argv[2]):
    catalog.execute("VACUUM")
    catalog.execute("PRAGMA busy_timeout = 0")
    catalog.execute("PRAGMA wal_checkpoint(TRUNCATE)")
print(json.dumps([before, free()]))
catalog.close()
"""
"""In a process of its own: to close the catalog here would drop the locks of DuckDB's SQLite.

The file gets shorter once no reader needs the log any more, if not now, then with a later
checkpoint: nobody who wants to commit waits for a reader to end.
"""


class FreeRoom(NamedTuple):
    """Bytes within the catalog that nothing uses, before and after, and what went wrong."""

    before: int
    after: int
    fault: str | None = None


def free_room(settings: Settings, *, give_back: int | None = None) -> FreeRoom:
    """Measure the unused room within the catalog; give it back if it is so many bytes or more.

    Readers stay at work: in a write-ahead log they see the catalog as it was. Writers wait: one
    that has begun cannot commit to a catalog written meanwhile. What goes wrong, such as a
    disk without room for the copy that SQLite makes, leaves the catalog as it was.
    """
    if give_back is None:
        return _look(readable(catalog_file(settings)), sys.maxsize)
    with commit_lock(settings):
        return _look(catalog_file(settings), give_back)


def _look(catalog: Path, worth: int) -> FreeRoom:
    done = subprocess.run(  # noqa: S603 - a program of our own
        [sys.executable, "-I", "-S", "-c", _LOOK, str(catalog), str(worth)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        return FreeRoom(0, 0, done.stderr.strip()[-300:])
    return FreeRoom(*json.loads(done.stdout))
