"""How much room a disk has."""

import shutil
from pathlib import Path


def free_bytes(folder: Path) -> int:
    """Return the free bytes of the disk that a folder lies on, or would if it were made."""
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return shutil.disk_usage(place).free
