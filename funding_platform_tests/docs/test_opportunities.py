"""The page on opportunities names every reason, with its meaning as declared."""

import pytest

from funding_platform.core.tables.marts.reasons import REASONS
from funding_platform.settings import project_root

PAGE = (project_root() / "docs" / "opportunities.md").read_text()


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_is_explained_as_it_is_declared(code: str) -> None:
    assert f"| `{code}` | {REASONS[code].meaning} |" in PAGE


def test_no_other_reason_is_explained() -> None:
    explained = [line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    assert explained == list(REASONS)
