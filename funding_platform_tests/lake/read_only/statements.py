"""Statements that people, programs and attackers may send, and what becomes of each.

``{files}`` is the folder of the lake's files, ``{catalog}`` its catalog, ``{outside}`` a folder
beside it that holds ``secret`` with the endings txt, csv, json, parquet and duckdb.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from funding_platform_tests.lake.read_only.statements_answered import ANSWERED
from funding_platform_tests.lake.read_only.statements_refused import REFUSED
from funding_platform_tests.lake.read_only.statements_stopped import STOPPED

Verdict = Literal["answered", "refused", "stopped"]
"""``refused`` is every error other than being stopped by a limit."""


class Statement(NamedTuple):
    """What is sent under which name, and what becomes of it."""

    name: str
    sql: str
    verdict: Verdict


_GROUPS: dict[Verdict, Mapping[str, str]] = {
    "answered": ANSWERED,
    "refused": REFUSED,
    "stopped": STOPPED,
}

STATEMENTS = tuple(
    Statement(name, sql, verdict)
    for verdict, group in _GROUPS.items()
    for name, sql in group.items()
)
"""Each with its verdict; a name is unique within its verdict."""
