"""The help of ``funding opportunities``: the fields of the filter in the model's own words."""

import subprocess
import sys

import click
import pytest

from funding_platform.arbitrage.filters import OpportunityFilter
from funding_platform.cli import main
from funding_platform_tests.command import run


@pytest.mark.parametrize("name", ["list", "compare"])
def test_help_says_of_each_field_what_the_model_says(name: str) -> None:
    group = main.commands["opportunities"]
    assert isinstance(group, click.Group)
    helps = {one.name: one.help for one in group.commands[name].params if hasattr(one, "help")}
    of_compared = {"venues", "long_venues", "short_venues"}
    for field, declared in OpportunityFilter.model_fields.items():
        if field == "descending":
            assert helps[field] == "Smallest, or worst, first."
        elif name == "list" or field not in of_compared:
            assert str(helps[field]).startswith(str(declared.description).removesuffix("."))
    assert bool(of_compared & set(helps)) == (name == "list")


def test_the_program_starts_without_the_model() -> None:
    started = "import sys, funding_platform.cli; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", started], check=False).returncode == 0


def test_help_is_that_of_the_group_or_of_the_command() -> None:
    assert "compare" in run("opportunities", "--help").stdout
    assert "--min-net-apr" in run("opportunities", "list", "--help").stdout
    assert isinstance(main.commands["opportunities"], click.Group)
