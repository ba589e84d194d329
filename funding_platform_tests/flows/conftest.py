"""Sandboxes and lakes that flow tests share."""

import csv
import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import stamina

from funding_platform.core.time_grid import Window
from funding_platform.flows.collection.history.months import collect_history
from funding_platform.flows.collection.history.report import HistoryReport
from funding_platform.sandbox.server import RunningSandbox, build_market, running_sandbox
from funding_platform.settings import Settings
from funding_platform.venues.registry import venue_names, venue_spec
from funding_platform_tests.flows.markets import LossyMarket
from funding_platform_tests.present import at_present

SYMBOLS = 4
"""Instruments per venue of the synthetic market."""

ALL_HISTORY = Window(datetime(2018, 11, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC))


@pytest.fixture(autouse=True)
def _no_waiting_between_retries() -> Iterator[None]:
    with stamina.set_testing(True, attempts=5, cap=True):
        yield


@pytest.fixture(scope="session")
def sandbox() -> Iterator[RunningSandbox]:
    """``SYMBOLS`` instruments per venue of the synthetic market."""
    with running_sandbox(build_market(symbols=SYMBOLS)) as running:
        yield running


@pytest.fixture
def settings(sandbox: RunningSandbox, present: None, tmp_path: Path) -> Iterator[Settings]:
    """A lake of its own, venues in the sandbox, and ``PRESENT`` for both."""
    yield settings_for(sandbox, tmp_path)
    sandbox.clear()


@pytest.fixture(scope="module")
def market() -> LossyMarket:
    """A market that loses what a test asks it to."""
    return LossyMarket(build_market(symbols=SYMBOLS))


@pytest.fixture(scope="module")
def served(market: LossyMarket) -> Iterator[RunningSandbox]:
    with running_sandbox(market) as running:
        yield running


@pytest.fixture
def lossy(
    served: RunningSandbox, market: LossyMarket, present: None, tmp_path: Path
) -> Iterator[Settings]:
    """A lake of its own, and venues that lose settlements."""
    yield settings_for(served, tmp_path)
    market.lose(None)


def by_pager(venues: Iterable[str]) -> list[object]:
    """Every venue as a parameter: of those that are paged alike the first, the others as `world`.

    What differs between these is their adapters', whose own tests read whole histories.
    """
    seen = set[object]()
    parameters: list[object] = []
    for venue in venues:
        pager = venue_spec(venue).pager
        parameters.append(pytest.param(venue, marks=[pytest.mark.world] if pager in seen else []))
        seen.add(pager)
    return parameters


def settings_for(sandbox: RunningSandbox, folder: Path) -> Settings:
    """A lake of its own, venues in the sandbox, and no waiting for budgets that are not its."""
    return Settings(
        data_dir=folder / "data",
        venue_urls=sandbox.venue_urls,
        rate_limit_scale=1e6,
        request_timeout_seconds=60,
    )


@dataclass(frozen=True)
class ReplayedLake:
    """The lake after a backfill of everything that a folder of CSVs holds of our venues."""

    settings: Settings
    folder: Path
    reports: dict[str, HistoryReport]

    def series(self) -> list[tuple[str, str]]:
        """Venue and symbol of every CSV of a registered venue that holds settled rates."""
        return [
            (venue, symbol)
            for venue in venue_names()
            for path in sorted((self.folder / "funding" / venue).glob("*.csv*"))
            # A second dot names another figure of the contract: ``BTC-PERPETUAL.interest_8h``.
            if "." not in (symbol := path.name.removesuffix(".gz").removesuffix(".csv"))
        ]

    def csv_rows(self, venue: str, symbol: str) -> list[tuple[int, float]]:
        """Settlement stamps in milliseconds and rates, as the CSV has them."""
        (path,) = (self.folder / "funding" / venue).glob(f"{symbol}.csv*")
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            return [
                (int(row["funding_time_ms"]), float(row["funding_rate"]))
                for row in csv.DictReader(file)
            ]


@pytest.fixture(scope="session")
def replayed(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> ReplayedLake:
    """Real history, through the wire formats and the adapters, into a lake."""
    folder = shared_dir / "data"
    with at_present(), running_sandbox(build_market(replay=folder)) as sandbox:
        settings = settings_for(sandbox, tmp_path_factory.mktemp("replayed"))
        reports = {
            venue: collect_history(venue, ALL_HISTORY, settings, "replay")
            for venue in venue_names()
            if (folder / "funding" / venue).is_dir()
        }
    return ReplayedLake(settings, folder, reports)
