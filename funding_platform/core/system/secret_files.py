"""Small files that nobody else on this machine may read: keys, secrets, where webhooks go."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock

LOCK_SECONDS: Final = 10.0
"""Longest wait for another process, which changes such a file in some milliseconds."""


@contextmanager
def changing(file: Path) -> Iterator[None]:
    """Keep every other process from changing a file for as long as the context lasts.

    Raises
    ------
    OSError, filelock.Timeout
        If its folder cannot be made or written to, or another process does not let go of it.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(file.with_suffix(".lock"), timeout=LOCK_SECONDS):
        yield


def write_secret(file: Path, text: bytes) -> None:
    """Replace a file as a whole; only its owner may read it, from the first byte on."""
    aside = file.with_suffix(".new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    aside.replace(file)
