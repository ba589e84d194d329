"""The documents, and what of them can be run or looked up.

Conventions: a ``bash`` block runs as it stands after `make demo`, a ``python`` block runs, and a
``console`` block shows commands after ``$``, which are not run but whose names and options must
exist. Blocks of one language in one document share their state, in order.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from funding_platform_tests.checkout import ROOT

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "data/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S)
_CODE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)*)`")


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, text, and the line that it begins on."""

    language: str
    text: str
    line: int


def name_of(document: Path) -> str:
    """The path from the project's root, for test ids."""
    return str(document.relative_to(ROOT))


def blocks(document: Path, language: str) -> list[Block]:
    """The blocks of a document in one language."""
    text = document.read_text(encoding="utf-8")
    found = (
        Block(match["language"], match["text"], text.count("\n", 0, match.start()) + 2)
        for match in _FENCE.finditer(text)
    )
    return [block for block in found if block.language == language]


def documents_with(language: str) -> list[Path]:
    """The documents that have a block in a language."""
    return [document for document in DOCUMENTS if blocks(document, language)]


def prose(document: Path) -> str:
    """A document without its fenced blocks."""
    return _FENCE.sub("", document.read_text(encoding="utf-8"))


def code_of(document: Path) -> list[str]:
    """What a document's prose sets as code, each on one line."""
    return [" ".join(code.split()) for code in _CODE.findall(prose(document))]


def shown_commands(document: Path) -> Iterator[list[str]]:
    """The commands of a document's ``console`` blocks, split into words."""
    for block in blocks(document, "console"):
        for line in block.text.replace("\\\n", " ").splitlines():
            if line.startswith("$ "):
                yield shlex.split(line.removeprefix("$ "), comments=True)
