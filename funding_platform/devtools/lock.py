"""What ``requirements.lock`` pins, for the tools that judge it."""

import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from funding_platform.settings import project_root

_PINNED = re.compile(r"^(?P<requirement>[A-Za-z0-9][^;\\\s]*==[^;\\\s]+)", re.MULTILINE)


def lock_file() -> Path:
    """Return where the lock lies."""
    return project_root() / "requirements.lock"


def locked(text: str) -> dict[str, str]:
    """Return the version of every package that a lock names, by its canonical name."""
    pinned = [Requirement(found["requirement"]) for found in _PINNED.finditer(text)]
    return {
        canonicalize_name(one.name): next(iter(one.specifier)).version
        for one in sorted(pinned, key=lambda one: canonicalize_name(one.name))
    }
