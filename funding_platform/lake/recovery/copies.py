"""Copies of the catalog, so that its loss is not the loss of the lake.

The catalog alone says which files a table is made of, which of their rows are deleted, and what
was written in portions too small for a file. It is some megabytes; whoever commits leaves a copy.
"""

import logging
import os
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

from funding_platform.lake.catalog import catalog_file, copy_file, previous_copy_file, readable
from funding_platform.lake.locks import copy_lock
from funding_platform.settings import Settings

_LOGGER = logging.getLogger(__name__)

_COPY = """
import os, sqlite3, sys
source, aside = sys.argv[1:]
catalog = sqlite3.connect(source, timeout=30)
catalog.execute("SELECT 1 FROM ducklake_snapshot LIMIT 1").fetchone()[0]
copy = sqlite3.connect(aside)
catalog.backup(copy)
copy.execute("PRAGMA journal_mode = DELETE")
assert copy.execute("PRAGMA quick_check").fetchall() == [("ok",)]
copy.close()
catalog.close()
with open(aside, "rb") as file:
    os.fsync(file.fileno())
"""
"""In a process of its own: to close the catalog here would drop the locks of DuckDB's SQLite."""

PREVIOUS_AGE = timedelta(days=1)
"""How old the copy before the newest gets: what went wrong unseen is in the newest too."""


SPARE_BYTES = 256 * 1024
"""Room that maintenance frees first on a full disk."""


def spare_file(settings: Settings) -> Path:
    """Return the file that holds some room: without any, not even SQLite's log can begin."""
    return copy_file(settings).with_name("spare")


def keep_copy(settings: Settings) -> bool:
    """Copy the catalog aside and rename the copy into place; whether that worked.

    A copy that fails takes nothing back from the commit before it, and is a warning.
    """
    newest, previous = copy_file(settings), previous_copy_file(settings)
    newest.parent.mkdir(exist_ok=True)
    aside = newest.with_name(f".{os.getpid()}.{threading.get_ident()}.new")
    with copy_lock(settings):
        if fault := copy_catalog(settings, aside):
            _LOGGER.warning("no copy of the catalog was made: %s", fault)
            return False
        if newest.exists() and _age(previous) > PREVIOUS_AGE:
            newest.replace(previous)
        aside.replace(newest)
        if not spare_file(settings).exists():
            spare_file(settings).write_bytes(bytes(SPARE_BYTES))
    return True


def copy_catalog(settings: Settings, aside: Path) -> str | None:
    """Copy the catalog as it is at one moment, whoever writes; returns what went wrong, if any."""
    source = readable(catalog_file(settings))
    made = subprocess.run(  # noqa: S603 - a program of our own
        [sys.executable, "-I", "-S", "-c", _COPY, str(source), str(aside)],
        check=False,
        capture_output=True,
        text=True,
    )
    if not made.returncode:
        return None
    aside.unlink(missing_ok=True)
    return made.stderr.strip()[-300:]


def _age(path: Path) -> timedelta:
    """Measure the age of a file; the longest there is where there is no file."""
    try:
        return timedelta(seconds=time.time() - path.stat().st_mtime)
    except FileNotFoundError:
        return timedelta.max
