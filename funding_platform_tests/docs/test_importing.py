"""The page on importing names every layout, by the columns that it is known by."""

from collections.abc import Iterable

import pytest

from funding_platform.flows.importing.files.archives import SUFFIXES
from funding_platform.flows.importing.instruments import InstrumentMapping
from funding_platform.flows.importing.mapping import Mapping, SourceMapping, TimedMapping
from funding_platform.flows.importing.presets import PRESETS, Preset
from funding_platform.flows.importing.series.mapping import BarMapping, OpenInterestMapping
from funding_platform.flows.importing.series.presets import SERIES_PRESETS
from funding_platform_tests.checkout import ROOT

LAYOUTS = (*PRESETS, *SERIES_PRESETS)
PAGE = (ROOT / "docs" / "importing.md").read_text(encoding="utf-8")


def words(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


@pytest.mark.parametrize("preset", LAYOUTS, ids=lambda preset: preset.title)
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
    assert described == len(LAYOUTS)


def fields_described(head: str) -> set[str]:
    table = PAGE.partition(f"| {head} | meaning |")[2].partition("\n\n")[0]
    return {
        name.strip(" `")
        for line in table.splitlines()[2:]
        for name in line.split("|")[1].split(",")
    }


def test_every_field_of_a_mapping_is_described() -> None:
    assert fields_described("field") == {*Mapping.model_fields, "zone"}


@pytest.mark.parametrize(
    ("head", "mapping", "common"),
    [
        ("field of candles", BarMapping, TimedMapping),
        ("field of open interest", OpenInterestMapping, TimedMapping),
        ("field of instruments", InstrumentMapping, SourceMapping),
    ],
)
def test_every_field_of_another_table_is_described(
    head: str, mapping: type[SourceMapping], common: type[SourceMapping]
) -> None:
    assert fields_described(head) == set(mapping.model_fields) - set(common.model_fields)


def test_every_form_of_file_is_named() -> None:
    assert [one for one in SUFFIXES if f"`{one.removesuffix('.gz')}`" not in PAGE] == []
