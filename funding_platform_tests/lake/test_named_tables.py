"""Every commit of the platform names the tables that it writes: on a cluster all else waits."""

import ast
from collections.abc import Iterator
from pathlib import Path

import funding_platform

_RECEIVERS = frozenset({"lake", "target", "self"})
"""What a lake is called where it is written to."""


def unnamed(code: str) -> Iterator[int]:
    """Lines of calls of ``Lake.commit`` and ``Lake.write`` without ``tables``."""
    for node in ast.walk(ast.parse(code)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("commit", "write")
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in _RECEIVERS
            and len(node.args) >= 2  # run and message
            and "tables" not in {keyword.arg for keyword in node.keywords}
        ):
            yield node.lineno


def test_a_commit_without_tables_is_found() -> None:
    assert list(unnamed("with Lake(s) as lake, lake.commit('run', 'all') as tx:\n    pass")) == [1]
    assert list(unnamed("lake.write('run', 'some', work, tables=(T,))")) == []


def test_every_commit_names_its_tables() -> None:
    folder = Path(funding_platform.__file__).parent
    found = {
        f"{file.relative_to(folder)}:{line}"
        for file in folder.rglob("*.py")
        for line in unnamed(file.read_text(encoding="utf-8"))
    }
    assert found == set()
