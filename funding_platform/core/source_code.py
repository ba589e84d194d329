"""Which code this is: what a result, and the machine code it was worked out by, are known by."""

import hashlib
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parents[1]

CODE: Final = ("core", "arbitrage", "strategies", "backtest")
"""What a backtest is made of, below the package: it may import nothing else of it."""


def source_digest(*places: str) -> str:
    """SHA-256 of names and contents of the Python files in some places, in hexadecimal.

    Parameters
    ----------
    places
        Folders, with all below them, or files; relative to the package.
    """
    digest = hashlib.sha256()
    for place in (PACKAGE / name for name in places):
        for source in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            content = source.read_bytes()
            digest.update(f"{source.relative_to(PACKAGE)} {len(content)}\n".encode() + content)
    return digest.hexdigest()
