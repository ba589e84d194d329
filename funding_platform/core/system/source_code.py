"""Which code this is: what a result, and the machine code it was worked out by, are known by."""

import hashlib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parents[2]

CODE: Final = ("core", "arbitrage", "strategies", "backtest")
"""What a backtest is made of, below the package: it may import nothing else of it."""


def source_digest(*places: str) -> str:
    """Compute the SHA-256 of names and contents of some places' Python files, in hexadecimal.

    Parameters
    ----------
    places
        Folders, with all below them, or files; relative to the package.
    """
    return _digest((PACKAGE / name, PACKAGE) for name in places)


def digest_around(kind: type) -> str | None:
    """Compute the SHA-256 of all source around another package's class; None for one of this.

    That is the outermost package that the class is defined in, or the module where it is in none.
    What it imports from yet other packages is not looked at.
    """
    outermost = kind.__module__.partition(".")[0]
    if outermost == __name__.partition(".")[0]:
        return None
    spec = find_spec(outermost)
    assert spec is not None  # the class has been imported from there
    if spec.submodule_search_locations is not None:
        return _digest((folder, folder) for folder in map(Path, spec.submodule_search_locations))
    assert spec.origin is not None
    return _digest([(Path(spec.origin), Path(spec.origin).parent)])


def _digest(places: Iterable[tuple[Path, Path]]) -> str:
    """Digest all Python files at or below each place, named from the root that stands beside it."""
    digest = hashlib.sha256()
    for place, root in places:
        for source in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            content = source.read_bytes()
            digest.update(f"{source.relative_to(root)} {len(content)}\n".encode() + content)
    return digest.hexdigest()
