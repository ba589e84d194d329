"""The part of the lock that a release installs, and the bill of materials that lists it."""

import json
import tomllib
from importlib.metadata import distribution, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from funding_platform.devtools.lock import LockError, lock_file, locked, needed, roots_of
from funding_platform.devtools.release import EXTRAS, write_release
from funding_platform_tests.checkout import ROOT

LOCK = """\
asked==1.0 \\
    --hash=sha256:00
    # via project (pyproject.toml)
below[extra]==2.0 \\
    --hash=sha256:11 \\
    --hash=sha256:12
    # via
    #   Asked
    #   other
deeper==3.0 ; python_version < "3.13" \\
    --hash=sha256:22
    # via below
other==4.0 \\
    --hash=sha256:33
    # via -r -
"""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_what_is_asked_for_comes_with_what_that_needs() -> None:
    assert needed(LOCK, ["Asked"]) == (
        "asked==1.0 \\\n    --hash=sha256:00\n"
        "below[extra]==2.0 \\\n    --hash=sha256:11 \\\n    --hash=sha256:12\n"
        'deeper==3.0 ; python_version < "3.13" \\\n    --hash=sha256:22\n'
    )
    assert locked(needed(LOCK, ["deeper"])) == {"deeper": "3.0"}


def test_what_is_not_locked_is_told() -> None:
    with pytest.raises(LockError, match="absent is not in it"):
        needed(LOCK, ["absent"])
    with pytest.raises(LockError, match="no extra cloud"):
        list(roots_of(PROJECT, ["cloud"]))


@pytest.fixture(scope="module")
def part() -> dict[str, str]:
    """What a release installs of the real lock."""
    return locked(needed(lock_file().read_text(encoding="utf-8"), [*roots_of(PROJECT, EXTRAS)]))


def test_tests_and_benchmarks_are_left_out(part: dict[str, str]) -> None:
    assert not {"pytest", "mypy", "playwright", "vectorbt", "zensical", "ccxt", "ray"} & set(part)
    assert {"duckdb", "dagster-celery", "psycopg2-binary", "kubernetes", "mcp"} <= set(part)


def test_nothing_is_missing_by_what_the_packages_say_themselves(part: dict[str, str]) -> None:
    missing = [
        f"{name} asks for {asked.name}"
        for name in part
        for asked in map(Requirement, distribution(name).requires or ())
        if asked.marker is None or asked.marker.evaluate({"extra": ""})
        if canonicalize_name(asked.name) not in part
    ]
    assert missing == []


@pytest.mark.world
def test_the_bill_lists_what_is_installed(part: dict[str, str], tmp_path: Path) -> None:
    lock, bill = write_release(tmp_path)
    told = json.loads(bill.read_text(encoding="utf-8"))
    assert told["bomFormat"] == "CycloneDX"
    described = told["metadata"]["component"]
    assert (described["name"], described["version"]) == (
        "funding-platform",
        version("funding-platform"),
    )
    listed = {canonicalize_name(one["name"]): one["version"] for one in told["components"]}
    assert listed == part == locked(lock.read_text(encoding="utf-8"))
    assert all(one["externalReferences"][0]["hashes"] for one in told["components"])
