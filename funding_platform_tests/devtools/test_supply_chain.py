"""Licences and known flaws of what the lock pins, judged in words and without a network."""

import pytest

from funding_platform.devtools.licences import ALLOWED, EXCEPTIONS, faults, licences, page
from funding_platform.devtools.lock import lock_file, locked
from funding_platform.devtools.vulnerabilities import Flaw, Known, flaws_of, offline_list

LOCK = """\
coverage[toml]==7.17.5 \\
    --hash=sha256:00
    # via pytest-cov
Jinja2==3.1.5 \\
    --hash=sha256:11
colorama==0.4.6 ; sys_platform == "win32" \\
    --hash=sha256:22
"""


def test_a_lock_is_read_to_canonical_names_and_versions() -> None:
    assert locked(LOCK) == {"colorama": "0.4.6", "coverage": "7.17.5", "jinja2": "3.1.5"}


def test_the_lock_of_the_project_is_read_whole() -> None:
    text = lock_file().read_text(encoding="utf-8")
    assert len(locked(text)) == sum(
        line.count("==") for line in text.splitlines() if line[:1].strip()
    )


def test_a_licence_that_nobody_has_allowed_is_told_with_its_package() -> None:
    (told,) = faults({"some": "1.0", "other": "2.0"}, {"some": "SSPL-1.0", "other": "MIT"})
    assert told.startswith("some 1.0 is under 'SSPL-1.0', which nobody has allowed")


def test_a_package_without_a_licence_is_not_allowed() -> None:
    assert len(list(faults({"some": "1.0"}, {"some": "UNKNOWN"}))) == 1


def test_a_package_that_is_locked_and_not_installed_is_told() -> None:
    (told,) = faults({"some": "1.0"}, {})
    assert told.startswith("some in requirements.lock, but not installed")


def test_an_exception_is_by_name() -> None:
    name = next(iter(EXCEPTIONS))
    assert list(faults({name: "1.0"}, {name: "Whatever"})) == []
    assert f"| {name} | {EXCEPTIONS[name][0]} |" in page({name: "Whatever"})


@pytest.mark.world
def test_licences_are_those_of_what_is_installed() -> None:
    told = licences({"pytest": "9", "no-such-package": "1"})
    assert list(told) == ["pytest"]
    assert ALLOWED[told["pytest"]] == "MIT"


@pytest.mark.parametrize(("version", "found"), [("3.1.5", 1), ("3.1.6", 0), ("3.1.7", 0)])
def test_a_flaw_is_found_by_version(version: str, found: int) -> None:
    known = Known("2025-12-31", (Flaw("jinja2", "<3.1.6", "CVE-2025-27516", "leaves the sandbox"),))
    assert len(flaws_of({"jinja2": version}, known)) == found
    assert flaws_of({"markupsafe": "1.0"}, known) == []


def test_the_offline_list_finds_an_old_lock_and_passes_ours() -> None:
    known = offline_list()
    names = {flaw.name for flaw in flaws_of({"urllib3": "2.4.0", "h11": "0.14.0"}, known)}
    assert names == {"CVE-2025-50181", "CVE-2025-66418", "CVE-2025-43859"}
    assert flaws_of(locked(lock_file().read_text(encoding="utf-8")), known) == []
