"""How venues serve us, by the lake and by this machine; and marts that are not there."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from funding_platform.core.tables.marts.statistics import VENUE_HEALTH
from funding_platform.flows.errors import NotBuiltError
from funding_platform.flows.queries import (
    breaker_states,
    coverage_by_month,
    fees_at,
    open_lake,
    venue_health,
)
from funding_platform.flows.queries.upkeep.health import BREAKER_STATES
from funding_platform.lake.writer import Lake
from funding_platform.settings import Settings
from funding_platform.venues.errors import UnknownVenueError
from funding_platform.venues.registry import venue_spec
from funding_platform.venues.rest.state.files import FileState, state_file
from funding_platform.venues.rest.state.store import Statements

NOW = datetime(2020, 3, 1, 12, tzinfo=UTC)
"""Past on every machine: a ban that lies further ahead than any is forgotten."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def test_marts_that_are_not_built_are_no_empty_answer(settings: Settings) -> None:
    with Lake(settings):
        pass
    with open_lake(settings) as lake:
        for query in (venue_health, coverage_by_month, lambda lake: fees_at(lake, NOW)):
            with pytest.raises(NotBuiltError, match="not been built yet\n  hint: run `funding tra"):
                query(lake)


def test_health_has_the_columns_and_types_that_are_declared(settings: Settings) -> None:
    row = {"venue": "okx", "as_of": NOW, "consecutive_errors": 2, "error_rate_7d": 0.5}
    given = pl.DataFrame([{**row, "venue": name} for name in ("okx", "bybit")])
    with Lake(settings) as lake:
        lake.connection.register("given", given)
        lake.connection.execute("CREATE TABLE marts.venue_health AS FROM given")
    with open_lake(settings) as lake:
        found = venue_health(lake)
        assert found.schema == VENUE_HEALTH.polars_schema
        assert found["venue"].to_list() == ["bybit", "okx"]
        assert found["last_error"].null_count() == 2  # of a lake from before that column
        assert venue_health(lake, venue="okx").select(*row).row(0, named=True) == row


def test_breakers_stand_as_this_machine_knows(settings: Settings) -> None:
    spec = venue_spec("okx")
    file = state_file(settings, "okx", spec.base_url)
    state = FileState(file)
    until = NOW + timedelta(minutes=5)
    state.transact(lambda database: ban(database, until))
    state.close()
    found = breaker_states(settings, ["okx", "bybit"], NOW)
    assert found.schema == BREAKER_STATES
    assert found.select("venue", "breaker_state", "failures", "ban", "banned_until").rows() == [
        ("okx", "banned", 3, "too many requests", until),
        ("bybit", "closed", 0, None, None),
    ]
    assert breaker_states(settings, [], NOW).schema == BREAKER_STATES
    with pytest.raises(UnknownVenueError, match="mtgox"):
        breaker_states(settings, ["mtgox"], NOW)


def ban(database: Statements, until: datetime) -> None:
    """Shut us out until an instant."""
    database.execute(
        "UPDATE breaker SET banned_until = ?, ban = 'too many requests', failures = 3",
        [until.timestamp()],
    )
