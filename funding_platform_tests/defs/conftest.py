"""The code location as it is served."""

import shutil
from collections.abc import Iterator

import dagster as dg
import pytest

from funding_platform.defs.assembly import build_definitions
from funding_platform.settings import project_root
from funding_platform_tests.present import at_present


@pytest.fixture(scope="session")
def definitions() -> dg.Definitions:
    with at_present():  # partitions begin some days before it
        return build_definitions()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """An instance as `dagster.yaml` sets it up, in a folder of its own."""
    folder = tmp_path_factory.mktemp("dagster_home")
    shutil.copy(project_root() / "data" / "dagster_home" / "dagster.yaml", folder)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_HOME", str(folder))
        with dg.DagsterInstance.from_config(str(folder)) as one:
            yield one
