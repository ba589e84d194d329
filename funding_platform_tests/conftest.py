"""Fixtures that several packages' tests share, and how all of them run."""

import gc
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from xdist.scheduler import LoadScopeScheduling

# One thread each, before anything starts a pool: the processes of a run share the cores already,
# and threads that wait for each other spin. What the caller has set stays.
os.environ.update(
    {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "FUNDING_LAKE_THREADS": "1"}
    | {**os.environ}
)

from funding_platform.lake import connection
from funding_platform.lake.connection import catalog_file, commit_lock, connect, create, files_dir
from funding_platform.settings import Settings
from funding_platform_tests.chaos import report
from funding_platform_tests.checkout import Checkout, made_checkout
from funding_platform_tests.dbt.forked import dbt_forked
from funding_platform_tests.examples import USUAL
from funding_platform_tests.present import at_present
from funding_platform_tests.sampling import mark_what_is_left_out

# How fast a machine answers is not a property of the code, and what is tried must not differ from
# run to run. `--hypothesis-profile thorough` draws other examples, and more of them.
hypothesis_settings.register_profile(
    "suite", deadline=None, derandomize=True, max_examples=USUAL // 2
)
hypothesis_settings.register_profile(
    "thorough", deadline=None, derandomize=False, max_examples=1_000, print_blob=True
)
hypothesis_settings.load_profile("suite")

_SHARING = {
    "replayed": (
        "collected_opportunities",
        "replayed_history",
        "replayed_statistics",
        "settlements",
    ),
    "dbt": ("fees", "refused_fees", "real_pairs", "transform", "live_opportunities"),
}
TOGETHER = {
    "backtest": "backtest",
    "dbt": "dbt",
    "defs": "dbt",
    "docs": "checkout",
    "working_copy": "checkout",
    "service": "dbt",
    "agents": "dbt",
} | {f"test_{name}.py": what for what, names in _SHARING.items() for name in names}
"""Folders and files whose tests run in one process: they build with dbt in this tree, where what it
compiles is one folder and what it parses one process, or share what takes long to make: machine
code, which two processes at once would both compile, the working copy in which the demo has run,
the lakes into which real histories were replayed, that have the fees that dbt publishes, and that
the service is asked about."""


class ByNeed(LoadScopeScheduling):  # type: ignore[misc]  # ships no types
    """Hands each process whole files, and together those that need one thing."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((TOGETHER[part] for part in file.split("/") if part in TOGETHER), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByNeed:
    """How tests are shared out where several processes run them."""
    return ByNeed(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage in what is imported and collected: it stays to the end.

    Looking through it again and again as it grew was a fifth of the time that this takes.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before pytest chooses by marks, give them to the cases that are left out of a sample."""
    mark_what_is_left_out(items)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the chaos tests measured, and write it where that was asked for."""
    if not (tables := report.tables()):
        return
    terminalreporter.section("chaos")
    for table in tables.values():
        terminalreporter.write_line(table)
    if report.DOCUMENT:
        report.write(Path(report.DOCUMENT))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as cores: tests wait for sockets and processes a third of their time."""
    return (os.cpu_count() or 1) * 3 // 2


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """What tests marked ``anyio`` run on."""
    return "asyncio"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Real market data and recorded responses, kept beside the project and not part of it."""
    folder = Path(__file__).resolve().parents[1] / ".." / "shared"
    if not folder.is_dir():
        pytest.skip("needs the folder `shared` beside the project")
    return folder.resolve()


@pytest.fixture
def present() -> Iterator[None]:
    """Time begins at ``PRESENT``."""
    with at_present():
        yield


@pytest.fixture(scope="session")
def empty_catalog(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """The catalog of a lake without rows, made when it is first asked for."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("empty_lake"))

    def made() -> Path:
        create(settings)
        return catalog_file(settings)

    return made


@pytest.fixture(autouse=True)
def _new_lakes_are_copies(
    empty_catalog: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new lake is a copy of an empty one: declaring every table takes half a second."""

    def copy(settings: Settings) -> None:
        if settings.lake_profile == "cluster":
            return create(settings)
        files_dir(settings).mkdir(parents=True, exist_ok=True)
        catalog = catalog_file(settings)
        with commit_lock(settings):
            if not catalog.exists():
                aside = shutil.copy(empty_catalog(), catalog.with_name(".copied"))
                Path(aside).replace(catalog)
        return None

    monkeypatch.setattr(connection, "create", copy)


@pytest.fixture(scope="session", autouse=True)
def _dbt_is_forked() -> Iterator[None]:
    """Every dbt of a session but those of processes that it starts, which may be killed."""
    with dbt_forked():
        yield


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A working copy in which the demo has run; tests may add to what it stored."""
    with made_checkout(tmp_path_factory.mktemp("checkout")) as made:
        yield made


@pytest.fixture(scope="session")
def published_fees(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lake in which dbt has built what it says of fees, and nobody has set any."""
    from funding_platform_tests.dbt.runner import run_dbt  # seconds, which few tests need

    settings = Settings(data_dir=tmp_path_factory.mktemp("fees") / "data")
    connect(settings, read_only=False).close()
    selected = ("--select", "+fee_history", "+int_base_fees")
    built = run_dbt(settings, "build", *selected, "--exclude-resource-type", "test", "unit_test")
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr
    return settings


@pytest.fixture
def fee_lake(published_fees: Settings, tmp_path: Path) -> Settings:
    """A copy of that lake, to be changed at will."""
    shutil.copytree(published_fees.data_dir, tmp_path / "data")
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture(scope="session")
def lake_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The lake that the service and its tools for agents are asked about; it is only read."""
    from funding_platform_tests.service.lake import build  # brings dbt, for few

    return build(tmp_path_factory.mktemp("service"))
