"""Every venue, every way to drift: caught or harmless, and never a wrong row stored.

Answers of the sandbox are spoilt on a real socket, and what comes of them is set beside what comes
undisturbed. What no single payload gives away is listed in
``schema_drift_cells.UNTOLD``; for each of those cells the cross-check that the list
names is run, and has to find it.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import duckdb
import polars as pl
import pytest
from _pytest.mark import ParameterSet

from funding_platform.core.completeness import missing_settlements, trading_spans
from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.time_grid import Window, to_ms
from funding_platform.flows.checks.answer import Answer
from funding_platform.flows.checks.lake import (
    predicted_agrees,
    second_opinion_agrees,
    snapshot_covers_listed,
)
from funding_platform.sandbox.faults import Fault
from funding_platform.sandbox.markets.synthetic import SyntheticMarket
from funding_platform.sandbox.server import RunningSandbox, running_sandbox
from funding_platform.sandbox.wire.registry import WIRES
from funding_platform.settings import Settings
from funding_platform.venues.errors import ContractError, VenueError
from funding_platform.venues.registry import offering, open_venue, venue_names, venue_spec
from funding_platform_tests.checkout import ROOT
from funding_platform_tests.venues.parsing.schema_drift_cells import (
    MUTATIONS,
    UNTOLD,
    Cell,
    cells,
    found_by,
)
from funding_platform_tests.venues.parsing.schema_drift_fields import MONEY, Dataset

NOW = datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)
WINDOW = Window(datetime(2026, 2, 26, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
"""Reaches into the present, as each daily refresh does."""

BEFORE_SETTLING = [
    datetime(2026, 2, 27, 23, 58, tzinfo=UTC) + k * timedelta(hours=8) for k in range(4)
]
TABLES = {"history": FUNDING_RATES, "snapshot": MARKET_SNAPSHOTS}
PRICES = {"mark_price", "open_interest_usd"}
FALLBACK = 1e-4
"""Relative: how far a price may differ that comes from another endpoint of the venue instead."""

GUIDE = ROOT / "docs" / "data_quality.md"
UNDETECTED = found_by()


class Found(NamedTuple):
    """What was collected: the rows to store, every error and warning, and how much is missing."""

    frame: pl.DataFrame
    told: list[VenueError]
    absent: int = 0


class World:
    """A sandbox whose present can be moved, and what its venues say undisturbed."""

    def __init__(self, symbols: int, seed: int) -> None:
        self.now = NOW
        self.market = SyntheticMarket(
            [wire.style for wire in WIRES.values()],
            symbols=symbols,
            seed=seed,
            clock=lambda: to_ms(self.now),
        )
        self._truth: dict[tuple[str, Dataset, datetime], Found] = {}
        self._listed: dict[tuple[str, datetime], pl.DataFrame] = {}

    def serve(self, sandbox: RunningSandbox) -> "World":
        """The sandbox that shows it."""
        self.sandbox = sandbox
        return self

    def truth(self, venue: str, dataset: Dataset, settings: Settings) -> Found:
        """What the venue says undisturbed; asked once."""
        key = (venue, dataset, self.now)
        if key not in self._truth:
            self._truth[key] = self.disturbed(venue, dataset, settings)
        return self._truth[key]

    def disturbed(self, venue: str, dataset: Dataset, settings: Settings, *faults: Fault) -> Found:
        """What the venue says with faults in it."""
        listed = self.listed(venue, settings)
        self.sandbox.inject(*faults)
        try:
            return asyncio.run(self._collect(venue, dataset, settings, listed))
        finally:
            self.sandbox.clear()

    def listed(self, venue: str, settings: Settings) -> pl.DataFrame:
        """The venue's instruments, none of an aggregator."""
        if INSTRUMENTS not in venue_spec(venue).offers:
            return INSTRUMENTS.empty()
        if (venue, self.now) not in self._listed:
            self._listed[venue, self.now] = asyncio.run(self._instruments(venue, settings))
        return self._listed[venue, self.now]

    async def _instruments(self, venue: str, settings: Settings) -> pl.DataFrame:
        url = self.sandbox.url_of(venue)
        async with open_venue(venue, url, settings=settings, clock=lambda: self.now) as opened:
            return (await opened.instruments()).filter(status="trading")

    async def _collect(
        self, venue: str, dataset: Dataset, settings: Settings, listed: pl.DataFrame
    ) -> Found:
        url = self.sandbox.url_of(venue)
        async with open_venue(venue, url, settings=settings, clock=lambda: self.now) as opened:
            try:
                if dataset == "snapshot":
                    return Found(await opened.market_snapshot(), opened.warnings)
                history = await opened.funding_history(listed["venue_symbol"], WINDOW)
            except VenueError as error:
                return Found(TABLES[dataset].empty(), [error])
        past = Window(WINDOW.start, self.now)
        absent = missing_settlements(history.read, trading_spans(listed), past)
        return Found(history.frame, [*opened.warnings, *history.failures.values()], absent.height)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A calm market, so that a hundred times its rates is still within bounds."""
    world = World(symbols=3, seed=3)
    with running_sandbox(world.market) as sandbox:
        yield world.serve(sandbox)


@pytest.fixture
def settings(_state_of_its_own: None) -> Settings:
    return Settings(rate_limit_scale=1e6, request_timeout_seconds=10)


def wrong_values(found: pl.DataFrame, truth: pl.DataFrame, keys: Sequence[str]) -> list[str]:
    """Values that are there and not true; a row that does not exist is wrong as a whole."""
    beside = found.join(truth, on=keys, how="left", suffix=" in truth")
    wrong = [] if found.join(truth, on=keys, how="anti").is_empty() else ["rows"]
    for column in (name for name in truth.columns if name not in keys):
        ours, theirs = pl.col(column), pl.col(f"{column} in truth")
        differs = ours.ne_missing(theirs)
        if column in PRICES:
            differs &= ((ours - theirs).abs() > FALLBACK * theirs).fill_null(value=True)
        if not beside.filter(ours.is_not_null() & differs).is_empty():
            wrong.append(column)
    return wrong


def one_of_each_kind() -> Iterator[ParameterSet]:
    """Every cell; all but one of a venue and a mutation are for `make test-world`."""
    seen = set()
    for cell in cells():
        kind = (cell.venue, cell.mutation)
        yield pytest.param(cell, marks=[pytest.mark.world] if kind in seen else [])
        seen.add(kind)


@pytest.mark.sampled(28)
@pytest.mark.parametrize("cell", [*one_of_each_kind()], ids=str)
def test_a_cell_is_caught_or_harmless(world: World, settings: Settings, cell: Cell) -> None:
    truth = world.truth(cell.venue, cell.dataset, settings)
    found = world.disturbed(cell.venue, cell.dataset, settings, cell.fault)
    wrong = wrong_values(found.frame, truth.frame, TABLES[cell.dataset].key)
    told = bool(found.told) or found.absent > truth.absent
    if cell in UNDETECTED:
        assert wrong or not found.frame.equals(truth.frame)
        assert not told, "detected after all: take it out of the table"
    else:
        assert wrong == []
        assert told or found.frame.equals(truth.frame), "lost without a word"
    for error in found.told:
        if isinstance(error, ContractError) and error.endpoint.startswith("http"):
            # Of rows that are left out the message says which, and where in each.
            assert (error.path and error.payload) or "left out" in error.message


def test_the_matrix_is_whole() -> None:
    """Every registered venue, each dataset that it offers, twelve mutations."""
    datasets = {
        (venue, dataset)
        for dataset, table in TABLES.items()
        for venue in offering(table, venue_names())
    }
    assert {(venue, dataset) for venue in MONEY for dataset in MONEY[venue]} == datasets
    assert len(MUTATIONS) == 12
    covered = {(cell.venue, cell.mutation) for cell in cells()}
    assert covered == {(venue, mutation.name) for venue in MONEY for mutation in MUTATIONS}


def test_the_world_is_calm_and_complete(world: World, settings: Settings) -> None:
    """Else a cell could pass for a reason of the market's."""
    for venue, datasets in MONEY.items():
        for dataset in datasets:
            truth = world.truth(venue, dataset, settings)
            assert not truth.frame.is_empty()
            assert (truth.told, truth.absent) == ([], 0), venue


class Week(NamedTuple):
    """What the lake would hold of some venues: settled, predicted, listed."""

    settled: pl.DataFrame
    predicted: pl.DataFrame
    listed: pl.DataFrame

    def lake(self) -> duckdb.DuckDBPyConnection:
        """A database with these tables."""
        lake = duckdb.connect()
        lake.execute("CREATE SCHEMA core")
        for table, frame in zip((FUNDING_RATES, MARKET_SNAPSHOTS, INSTRUMENTS), self, strict=True):
            lake.register("given", frame)
            lake.execute(f"CREATE TABLE {table.full_name} AS FROM given")
        return lake

    def answer(self, check: str, venue: str) -> Answer:
        """The verdict of a check on one of the venues."""
        with self.lake() as lake:
            if check == "covers_listed":
                return snapshot_covers_listed(lake, venue)
            agrees = {"predicted_agrees": predicted_agrees, "second_opinion": second_opinion_agrees}
            return agrees[check](lake, venue, NOW)[0]


def week(world: World, settings: Settings, venues: Sequence[str], cell: Cell | None) -> Week:
    """Settlements and the predictions minutes before them, disturbed where the cell says."""

    def collected(venue: str, dataset: Dataset) -> pl.DataFrame:
        if cell is not None and (cell.venue, cell.dataset) == (venue, dataset):
            return world.disturbed(venue, dataset, settings, cell.fault).frame
        return world.truth(venue, dataset, settings).frame

    predicted = []
    for world.now in BEFORE_SETTLING:
        predicted += [collected(venue, "snapshot") for venue in venues]
    world.now = NOW
    settled = [collected(venue, "history") for venue in offering(FUNDING_RATES, venues)]
    listed = [world.listed(venue, settings) for venue in venues]
    return Week(pl.concat(settled), pl.concat(predicted), pl.concat(listed))


def witnesses(check: str, venue: str) -> tuple[str, list[str]]:
    """The venue that a check asks about, and those whose data it needs."""
    if check != "second_opinion":
        return venue, [venue]
    asked = "binance" if venue == "coingecko" else venue
    return asked, [asked, "coingecko"]


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("check", "venue"),
    sorted({(check, cell.venue) for cell, check in UNDETECTED.items() if check != "nothing"}),
)
def test_undisturbed_no_cross_check_raises_an_alarm(
    world: World, settings: Settings, check: str, venue: str
) -> None:
    asked, venues = witnesses(check, venue)
    answer = week(world, settings, venues, None).answer(check, asked)
    assert answer.passed, answer.verdict
    assert answer.figures.get("pairs", answer.figures.get("listed"))


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("cell", "check"),
    [(cell, check) for cell, check in UNDETECTED.items() if check != "nothing"],
    ids=lambda value: str(value),
)
def test_the_cross_check_finds_what_the_payload_does_not_tell(
    world: World, settings: Settings, cell: Cell, check: str
) -> None:
    asked, venues = witnesses(check, cell.venue)
    answer = week(world, settings, venues, cell).answer(check, asked)
    assert not answer.passed, answer.verdict


def test_the_documentation_lists_exactly_these_cells() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    section = text.split("## What one payload cannot tell\n")[1].split("\n## ")[0]
    rows = [
        [part.strip(" `") for part in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("| ") and not re.match(r"\| (mutation|---)", line)
    ]
    documented = {
        (mutation, dataset, check, field.strip(" `"))
        for mutation, dataset, check, fields in rows
        for field in fields.split(",")
    }
    assert documented == {
        (row.mutation, row.dataset, row.found_by, field) for row in UNTOLD for field in row.fields
    }
