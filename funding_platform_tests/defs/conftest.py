"""The code location as it is served."""

import dagster as dg
import pytest

from funding_platform.defs.assembly import build_definitions


@pytest.fixture(scope="session")
def definitions() -> dg.Definitions:
    return build_definitions()
