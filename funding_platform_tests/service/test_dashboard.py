"""The files of the dashboard: how they are sent, and that they are made of the sources."""

import gzip
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from funding_platform.core.tables.marts.reasons import REASONS, REJECT_REASONS
from funding_platform.service import dashboard
from funding_platform.service.access.keys import create_key, parse_rate
from funding_platform.settings import Settings
from funding_platform_tests.checkout import ROOT
from funding_platform_tests.service.server import Served, served

SOURCES = ROOT / "dashboard"
BUILT = ROOT / "funding_platform" / "service" / "static"
NAMES = ("index.html", "dashboard.js", "dashboard.css")
LARGEST_SCRIPTS = 100_000
"""Bytes, gzipped."""

READABLE = 4.5
"""Contrast of text that WCAG 2.2 asks for at level AA."""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service over nothing at all."""
    with served(Settings(data_dir=tmp_path_factory.mktemp("bare"), live=False)) as running:
        yield running


class _Inline(HTMLParser):
    """Finds what a strict policy forbids: code and styles that stand in the page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(tag)
        self.found += [name for name in names if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("path", dashboard.PAGES)
def test_every_page_is_the_same_file_under_a_strict_policy(bare: Served, path: str) -> None:
    answer = bare.get(path)
    assert answer.status_code == 200
    assert answer.content == (BUILT / "index.html").read_bytes()
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_nothing_stands_in_the_page_that_the_policy_forbids() -> None:
    found = _Inline()
    found.feed((BUILT / "index.html").read_text())
    assert found.found == []


def test_a_browser_that_has_a_file_is_not_sent_it_again(bare: Served) -> None:
    first = bare.get("/dashboard/dashboard.js", headers={"Accept-Encoding": "gzip"})
    assert first.headers["content-encoding"] == "gzip"
    again = bare.get("/dashboard/dashboard.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_reasons_are_told_as_they_are_declared(bare: Served) -> None:
    told = bare.get(dashboard.FACTS).json()["reasons"]
    assert {code: one["meaning"] for code, one in told.items()} == {
        code: reason.meaning for code, reason in REASONS.items()
    }
    assert {code for code, one in told.items() if one["rejects"]} == set(REJECT_REASONS)


def test_a_public_service_shows_the_page_that_asks_for_a_key_and_no_data(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, live=False)
    create_key(settings.service_keys_file, name="desk", scope="read", rate=parse_rate("10/s"))
    with served(settings, public=True) as running:
        assert running.get("/").status_code == 200
        assert running.get("/dashboard/dashboard.js").status_code == 200
        assert running.get("/api/v1/funding-rates").status_code == 401


def test_scripts_are_small() -> None:
    scripts = [*BUILT.glob("**/*.js")]
    assert [file.name for file in scripts] == ["dashboard.js"]
    assert sum(len(gzip.compress(file.read_bytes())) for file in scripts) < LARGEST_SCRIPTS


def test_no_address_of_another_host_is_asked() -> None:
    """Only names of XML kinds and what is told to developers look like addresses."""
    found = re.findall(r"https?://[^\s\"'`)]+", "".join((BUILT / n).read_text() for n in NAMES))
    hosts = {address.split("/")[2] for address in found}
    assert hosts <= {"www.w3.org", "svelte.dev"}
    assert "url(" not in (BUILT / "dashboard.css").read_text()


def test_the_built_files_are_of_these_sources() -> None:
    single = ("index.html", "package.json", "package-lock.json", "vite.config.js")
    files = [*(SOURCES / name for name in single), *(SOURCES / "src").glob("**/*")]
    named = sorted((file.relative_to(SOURCES).as_posix(), file) for file in files if file.is_file())
    digest = hashlib.sha256()
    for name, file in named:
        digest.update(f"{name}\0".encode() + file.read_bytes() + b"\0")
    assert (BUILT / "sources.sha256").read_text().strip() == digest.hexdigest(), "make dashboard"


def test_a_rebuild_gives_the_built_files(tmp_path: Path) -> None:
    if shutil.which("node") is None or not (SOURCES / "node_modules").is_dir():
        pytest.skip("needs node and dashboard/node_modules: `make dashboard` installs them")
    subprocess.run(
        ["npx", "vite", "build"],
        cwd=SOURCES,
        env={**os.environ, "DASHBOARD_OUT": str(tmp_path)},
        check=True,
        capture_output=True,
    )
    for name in (*NAMES, "licences.txt", "sources.sha256"):
        assert (tmp_path / name).read_bytes() == (BUILT / name).read_bytes(), name


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("selector", [":root {", ":root[data-theme='dark'] {"])
def test_text_can_be_read_in_light_and_dark(selector: str) -> None:
    style = (SOURCES / "src" / "app.css").read_text()
    block = style.split(selector)[1].split("}")[0]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
    pairs = [
        (text, ground)
        for text in ("text", "dim", "accent", "gain", "loss", "warn")
        for ground in ("bg", "panel", "raised", "hover")
    ]
    pairs += [(tone, f"{tone}-bg") for tone in ("gain", "loss", "warn")] + [("on-accent", "accent")]
    poor = {
        (text, ground): round(_contrast(colours[text], colours[ground]), 2)
        for text, ground in pairs
        if _contrast(colours[text], colours[ground]) < READABLE
    }
    assert poor == {}


def test_both_ways_into_the_dark_have_the_same_colours() -> None:
    style = (SOURCES / "src" / "app.css").read_text()
    of_system = style.split(":root:not([data-theme='light']) {")[1].split("}")[0]
    chosen = style.split(":root[data-theme='dark'] {")[1].split("}")[0]
    assert of_system.split() == chosen.split()


def test_numbers_can_be_read_on_every_colour_of_the_heat_map() -> None:
    source = (SOURCES / "src" / "lib" / "colour.js").read_text()
    ramps = re.findall(
        r"zero: \[([\d, ]+)\], plus: \[([\d, ]+)\], minus: \[([\d, ]+)\], text: '(#\w+)'", source
    )
    assert len(ramps) == 2
    for *ends, text in ramps:
        for end in ends:
            ground = "#" + "".join(f"{int(part):02x}" for part in end.split(","))
            assert _contrast(text, ground) >= READABLE, (text, ground)
