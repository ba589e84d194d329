"""What the documents name exists, and what exists is documented."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from funding_platform import (
    adapter_kit,
    arbitrage,
    backtest,
    client,
    curves,
    lake,
    strategies,
    venues,
)
from funding_platform.cli import main
from funding_platform.core.tables.registry import TABLES
from funding_platform.devtools import asset_graph
from funding_platform.flows import queries
from funding_platform.sandbox.faults import FAULTS
from funding_platform.settings import Settings
from funding_platform_tests.checkout import ROOT, Checkout
from funding_platform_tests.docs.commands import options, targets
from funding_platform_tests.docs.markdown import (
    DOCUMENTS,
    blocks,
    code_of,
    name_of,
    prose,
    shown_commands,
)

COMMANDS = main.commands
PUBLIC = (adapter_kit, arbitrage, backtest, client, curves, lake, queries, strategies, venues)
"""Packages that hand on names to whoever uses the platform from Python."""
README = ROOT / "README.md"
README_LINES = 180

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
each_command = pytest.mark.parametrize("name", COMMANDS)


@cache
def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(name: str) -> str:
    """What ``docs/commands.md`` says about a command."""
    found = re.search(
        rf"^## funding {name}$(.*?)(?=^## |\Z)", text_of("docs/commands.md"), re.M | re.S
    )
    assert found, f"docs/commands.md has no section on `funding {name}`"
    return found[1]


@each_command
def test_every_command_and_option_is_documented(name: str) -> None:
    mentioned = set(re.findall(r"--[a-z][a-z-]*", section(name)))
    assert mentioned == options(COMMANDS[name])


def test_no_command_is_documented_that_does_not_exist() -> None:
    assert re.findall(r"^## funding (\S+)$", text_of("docs/commands.md"), re.M) == list(COMMANDS)


@each_document
def test_commands_that_are_shown_exist(document: Path) -> None:
    for program, *words in shown_commands(document):
        if program == "make":
            assert {word for word in words if "=" not in word} <= targets(), words
        elif program == "funding" and not words[0].startswith("-"):
            command = COMMANDS.get(words[0])
            assert command, f"there is no `funding {words[0]}`"
            used = {word.split("=")[0] for word in words[1:] if word.startswith("--")}
            assert used <= options(command), words


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = (document.parent / path).resolve() if path else document
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked), target


def anchors(document: Path) -> set[str]:
    """The anchors that headings get: lower case, words joined by hyphens."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_setting_is_documented_with_its_default() -> None:
    rows = re.findall(r"^\| `FUNDING_(\w+)` \| (.*?) \|", text_of("docs/deploying.md"), re.M)
    documented = {name.lower(): default for name, default in rows}
    assert set(documented) == set(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, bool):
            assert documented[name] == str(field.default).lower(), name
        elif isinstance(field.default, int | float):
            assert float(documented[name]) == field.default, name
        elif isinstance(field.default, str):
            assert documented[name] == field.default


def test_every_kind_of_fault_is_documented() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", text_of("docs/sandbox.md"), re.M))
    schema: dict[str, Any] = FAULTS.json_schema()["$defs"]
    models = {
        model["properties"]["kind"]["const"]: model["properties"]
        for model in schema.values()
        if model["type"] == "object"
    }
    assert set(rows) == set(models)
    common = {"venue", "path", "count", "probability", "seed"}
    for kind, properties in models.items():
        for name in set(properties) - common - {"kind"}:
            assert f"`{name}`" in rows[kind], (kind, name)
        for action in properties.get("action", {}).get("enum", []):
            assert f"`{action}`" in rows[kind], (kind, action)


def test_the_changelog_names_every_table() -> None:
    assert [name for name in TABLES if f"`{name}`" not in text_of("CHANGELOG.md")] == []


def test_every_decision_is_dated_complete_and_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    for path in sorted(folder.glob("0*.md")):
        title, date, *_ = [line for line in path.read_text(encoding="utf-8").splitlines() if line]
        assert title.startswith("# ")
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", date), path.name
        assert re.findall(r"^\*\*(\w+)\.\*\*", text_of(name_of(path)), re.M) == [
            "Context",
            "Choice",
            "Price",
        ]
        assert f"[{title.removeprefix('# ')}]({path.name})" in text_of("docs/decisions/README.md")


@pytest.fixture(scope="module")
def in_checkout(checkout: Checkout) -> Iterator[None]:
    """Work in the copy: its dbt manifest is current and its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(checkout.root)
        yield


@pytest.mark.world
def test_the_page_of_assets_is_derived_from_the_definitions(in_checkout: None) -> None:
    assert asset_graph.asset_page() == text_of(str(asset_graph.PAGE)), "run `make docs`"


def test_the_drawing_shows_eight_boxes_that_are_stages_of_the_asset_graph() -> None:
    (drawing,) = blocks(README, "mermaid")
    boxes = re.findall(r"^  (\w+)\[", drawing.text, re.M)
    assert len(boxes) == 8
    assert set(boxes) <= {"venues", *asset_graph.STAGES}


def test_the_site_leads_to_every_page() -> None:
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    of_decisions = {page for page in pages if page.startswith("decisions/0")}
    assert sorted(led_to(yaml.safe_load(text_of("mkdocs.yml"))["nav"])) == sorted(
        pages - of_decisions
    )


def led_to(nav: Any) -> Iterator[str]:
    """The pages of a navigation, at any depth."""
    if isinstance(nav, str):
        yield nav
    else:
        for part in nav.values() if isinstance(nav, dict) else nav:
            yield from led_to(part)


@pytest.mark.parametrize("package", PUBLIC, ids=lambda package: package.__name__)
def test_every_public_name_has_its_docstring_on_the_site(package: ModuleType) -> None:
    page = text_of(f"docs/api/{package.__name__.rpartition('.')[2]}.md")
    shown = set(re.findall(rf"^::: {package.__name__}\.(\w+)$", page, re.M))
    assert shown == set(package.__all__)


def test_the_readme_is_read_in_one_sitting() -> None:
    assert len(text_of("README.md").splitlines()) <= README_LINES


@pytest.mark.world
def test_every_asset_check_is_documented(in_checkout: None) -> None:
    documented = set(re.findall(r"^\| `(\w+)` \|", text_of("docs/data_quality.md"), re.M))
    ours = {
        key.name
        for graph, _ in asset_graph.own_assets(asset_graph.locations())
        for key in graph.asset_check_keys
        if graph.get(key.asset_key).group_name
        in ("raw", "features", "published", "backtest", "execution")
    }
    assert ours <= documented


def test_every_test_that_a_document_names_is_there() -> None:
    codes = (code for document in DOCUMENTS for code in code_of(document))
    named = {code for code in codes if re.fullmatch(r"test_\w+", code)}
    files = (ROOT / "funding_platform_tests").rglob("test_*.py")
    there = {
        name for file in files for name in re.findall(r"def (test_\w+)\(", file.read_text("utf-8"))
    }
    assert len(named) > 30
    assert named <= there
