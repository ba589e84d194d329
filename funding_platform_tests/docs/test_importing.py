"""The page on importing names every layout, by the columns that it is known by."""

from collections.abc import Iterable

import pytest

from funding_platform.flows.importing.files.archives import SUFFIXES
from funding_platform.flows.importing.mapping import Mapping
from funding_platform.flows.importing.presets import PRESETS, Preset
from funding_platform_tests.checkout import ROOT

PAGE = (ROOT / "docs" / "importing.md").read_text(encoding="utf-8")


def words(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.title)
def test_every_layout_is_described(preset: Preset) -> None:
    said = preset.samples or words(preset.needs)
    row = f"| {preset.title} | {words(preset.known_by)} | {said} |".replace("|  |", "| |")
    assert row in PAGE


def test_no_other_layout_is_described() -> None:
    heads = ("| files | known by | tell |", "| files | known by | what a row is |")
    described = 0
    for head in heads:
        table = PAGE.partition(head)[2].partition("\n\n")[0]
        described += len(table.strip().splitlines()) - 1
    assert described == len(PRESETS)


def test_every_field_of_a_mapping_is_described() -> None:
    table = PAGE.partition("| field | meaning |")[2].partition("\n\n")[0]
    fields = {
        name.strip(" `")
        for line in table.splitlines()[2:]
        for name in line.split("|")[1].split(",")
    }
    assert fields == {*Mapping.model_fields, "zone"}


def test_every_form_of_file_is_named() -> None:
    assert [one for one in SUFFIXES if f"`{one.removesuffix('.gz')}`" not in PAGE] == []
