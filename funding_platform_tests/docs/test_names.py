"""What documents and docstrings name in passing is there: files, modules, settings, commands."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from funding_platform.cli import TRACEBACK
from funding_platform.core.tables.books.levels import ORDER_BOOK
from funding_platform.core.tables.registry import TABLES
from funding_platform.settings import Settings
from funding_platform_tests.checkout import ROOT
from funding_platform_tests.docs.commands import followed, options, targets
from funding_platform_tests.docs.markdown import DOCUMENTS, code_of, name_of

PACKAGE: Final = ROOT / "funding_platform"
PARTS: Final = tuple(path.parent.name for path in sorted(PACKAGE.glob("*/__init__.py")))
ALL_TABLES: Final = {*TABLES, ORDER_BOOK.full_name}
"""A name may be one of a table or of its column: `core` is a schema, too."""

WRITTEN: Final = (
    *("funding_platform", "funding_platform_tests", "dbt_project", "deploy", "docs"),
    *("notebooks", "execution", "backtests", "dashboard/src", ".ci"),
)
"""Folders of files that somebody has written."""

OF_READERS: Final = ("funding_lima/", "test_lima.py", "my_strategies.py")
"""Files that the pages have a reader write."""

FORMER: Final = {"costs.sql", "reasons.sql"}
"""Files of which the changelog says what they have become."""

VARIABLE: Final = "client."
"""What examples call a client of theirs."""

_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)*\.(?:py|sql|ya?ml|conf|service|js|svelte|ipynb)")
_DOTTED = re.compile(rf"(?<![\w./-])(funding_platform\.)?((?:{'|'.join(PARTS)})(?:\.[A-Za-z]\w*)+)")
_SETTING = re.compile(r"FUNDING_[A-Z0-9_]+")

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)


@cache
def written() -> tuple[str, ...]:
    """Every file of those folders and of the project's own, from its root."""
    found = [path for folder in WRITTEN for path in (ROOT / folder).rglob("*.*")]
    own = [*ROOT.glob("*.*"), *(ROOT / "data" / "dagster_home").glob("dagster.yaml")]
    return tuple(f"/{path.relative_to(ROOT).as_posix()}" for path in found + own)


def is_there(name: str) -> bool:
    """Tell whether a dotted name below the package is a module, or named in the text of one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        place = PACKAGE.joinpath(*parts[:length])
        module = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if module.is_file():
            below = parts[length : length + 1]
            return all(re.search(rf"\b{one}\b", module.read_text("utf-8")) for one in below)
    return False


def is_of_a_table(name: str) -> bool:
    """Tell whether a dotted name is one of a table or of a column."""
    return ".".join(name.split(".")[:2]) in ALL_TABLES


def gone(texts: Iterable[str]) -> list[str]:
    """List the dotted names in texts behind which there is nothing."""
    return [
        name
        for text in texts
        for prefix, name in _DOTTED.findall(text)
        if prefix or not (is_of_a_table(name) or name.startswith(VARIABLE))
        if not is_there(name)
    ]


@each_document
def test_files_that_a_document_names_are_there(document: Path) -> None:
    named = {code for code in code_of(document) if _PATH.fullmatch(code)}
    missing = [
        path
        for path in named - FORMER
        if not path.startswith(OF_READERS)
        and not any(file.endswith(f"/{path}") for file in written())
    ]
    assert missing == []


@pytest.mark.parametrize(
    "document",
    [one for one in DOCUMENTS if one.name != "CHANGELOG.md"],  # which names what was
    ids=name_of,
)
def test_modules_that_a_document_names_are_there(document: Path) -> None:
    assert gone(code_of(document)) == []


def test_modules_that_docstrings_name_are_there() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): gone(
            re.findall(r"``([^`\n]+)``", path.read_text("utf-8"))
        )
        for path in PACKAGE.rglob("*.py")
    }
    assert {path: names for path, names in found.items() if names} == {}


@each_document
def test_settings_that_a_document_names_exist(document: Path) -> None:
    known = {TRACEBACK, *(f"FUNDING_{name.upper()}" for name in Settings.model_fields)}
    named = set(_SETTING.findall(document.read_text(encoding="utf-8")))
    assert {
        name
        for name in named - known
        if not (name.endswith("_") and any(one.startswith(name) for one in known))
    } == set()


@each_document
def test_commands_that_a_document_names_exist(document: Path) -> None:
    for code in code_of(document):
        program, *words = code.split()
        if program == "funding" and words:
            command, rest = followed(words)
            used = {word.split("=")[0] for word in rest if word.startswith("--")}
            assert used <= {"--help", *options(command)}, code
        elif program == "make":
            assert {word for word in words if "=" not in word} <= targets(), code


def test_what_starts_by_itself_is_documented_with_its_times() -> None:
    page = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    table = page.partition("## What starts by itself")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+) \| ([^|]+) \|", table, re.M)
    told = {name: when for names, when in rows for name in re.findall(r"`(\w+)`", names)}
    defined = (ROOT / "funding_platform_tests" / "defs" / "definitions.txt").read_text("utf-8")
    assert told.keys() == set(re.findall(r"^(?:sensor|schedule) (\w+)", defined, re.M))
    daily = re.findall(r"^schedule (\w+): (\d+) ([\d,]+) \* \* \*,", defined, re.M)
    assert daily
    for name, minute, hours in daily:
        for hour in hours.split(","):
            assert f"{int(hour):02}:{int(minute):02}" in told[name], name
