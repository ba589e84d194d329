"""What was known of instruments at an instant, and at many: against a loop over rows."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from funding_platform.core.tables.features.store import FEATURE_STORE
from funding_platform.core.tables.schema import UTC_TIME
from funding_platform.flows.errors import FlowError
from funding_platform.flows.queries.rates.features import INSTANT, features_of, get_features
from funding_platform_tests.curves.test_feature_store import T0, TENOR, curve, rows
from funding_platform_tests.examples import costly


@contextmanager
def stored(features: pl.DataFrame) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database that has these features."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("given", features)
        connection.execute("CREATE SCHEMA features")
        connection.execute("CREATE TABLE features.feature_store AS SELECT * FROM given")
        yield connection


@pytest.fixture
def store() -> Iterator[duckdb.DuckDBPyConnection]:
    """Two instruments: X with a row per window, of which the newest was late; Y long silent."""
    features = rows(
        FEATURE_STORE,
        curve(2, level=0.2),
        curve(1, level=0.1),
        {**curve(0, level=0.0), "available_at": T0 + timedelta(hours=3)},
        curve(30, venue_symbol="Y", level=9.0),
        curve(1, kind="live", level=0.15),
    )
    with stored(features) as connection:
        yield connection


@pytest.mark.parametrize(
    ("at", "level"),
    [
        (T0 - 2 * TENOR, None),  # settled, but not yet known
        (T0 - 2 * TENOR + timedelta(seconds=1), 0.2),
        (T0, 0.1),
        (T0 + timedelta(hours=3) - timedelta(seconds=1), 0.1),
        (T0 + timedelta(hours=3), 0.0),
        (T0 + timedelta(days=1), None),  # a day without a newer row
    ],
)
def test_features_are_those_known_at_the_time(
    store: duckdb.DuckDBPyConnection, at: datetime, level: float | None
) -> None:
    (row,) = get_features(store, at, [("okx", "X")]).iter_rows(named=True)
    assert row["level"] == level


def test_an_instrument_without_features_shows_as_nulls(store: duckdb.DuckDBPyConnection) -> None:
    found = get_features(store, T0, [("okx", "Y"), ("okx", "X"), ("gone", "Z")])
    assert found.schema == FEATURE_STORE.polars_schema
    assert found.select("venue", "venue_symbol", "level").rows() == [
        ("gone", "Z", None),
        ("okx", "X", 0.1),
        ("okx", "Y", None),
    ]
    assert get_features(store, T0, None)["venue_symbol"].to_list() == ["X"]
    assert get_features(store, T0, []).is_empty()
    assert get_features(store, T0, None, kind="live")["level"].to_list() == [0.15]
    assert get_features(store, T0, None, max_age=timedelta(days=20)).height == 2


@pytest.mark.parametrize(
    ("at", "kind", "message"),
    [(T0.replace(tzinfo=None), "settled", "no time zone"), (T0, "dead", "no 'dead' curves")],
)
def test_bad_questions_are_refused(
    store: duckdb.DuckDBPyConnection, at: datetime, kind: str, message: str
) -> None:
    with pytest.raises(FlowError, match=message):
        get_features(store, at, None, kind=kind)


@costly(12)  # a database each
@given(
    minutes=st.integers(-24 * 60, 24 * 60), later=st.integers(1, 24 * 60), level=st.floats(-9, 9)
)
def test_what_becomes_known_later_changes_nothing(minutes: int, later: int, level: float) -> None:
    at = T0 + timedelta(minutes=minutes)
    known = rows(FEATURE_STORE, *(curve(back, level=back / 10) for back in range(6)))
    news = curve(0, level=level) | {
        "as_of": at - timedelta(seconds=1),
        "available_at": at + timedelta(minutes=later),
    }
    with stored(known) as before, stored(known.vstack(rows(FEATURE_STORE, news))) as after:
        found = get_features(before, at)
        assert found.equals(get_features(after, at))
    assert (found["available_at"] <= at).all()


# --- many instants

NAMES = [("okx", "X"), ("okx", "Y"), ("bybit", "X")]
MINUTE = timedelta(minutes=1)


def drawn_features(dice: random.Random) -> pl.DataFrame:
    """Rows that became known early and late, out of order too, and gaps of days."""
    drawn = [
        curve(back, venue=venue, venue_symbol=symbol, kind=kind, level=dice.random())
        | {"available_at": T0 - back * TENOR + dice.choice((-60, 0, 1, 30, 900, 3000)) * MINUTE}
        for venue, symbol in NAMES
        for kind in ("settled", "live")
        for back in range(40)
        if dice.random() < 0.7
    ]
    return rows(FEATURE_STORE, *drawn)


def known_one_by_one(
    features: pl.DataFrame, instant: datetime, name: tuple[str, str], max_age: timedelta
) -> float | None:
    """The level that was known, found by looking at every row."""
    speaking = [
        row
        for row in features.iter_rows(named=True)
        if (row["venue"], row["venue_symbol"], row["kind"]) == (*name, "settled")
        and row["available_at"] <= instant
        and instant - max_age < row["as_of"] <= instant
    ]
    newest = max(speaking, key=lambda row: row["as_of"], default=None)
    return None if newest is None else newest["level"]


@pytest.mark.sampled(1)
@pytest.mark.parametrize("seed", range(3))
def test_many_instants_are_as_one_after_the_other(seed: int) -> None:
    dice = random.Random(seed)
    features = drawn_features(dice)
    instants = [T0 - dice.randrange(-3000, 45 * 8 * 60) * MINUTE for _ in range(25)]
    for max_age in (timedelta(hours=9), timedelta(days=1), timedelta(days=4)):
        with stored(features) as connection:
            found = get_features(connection, instants, NAMES, max_age=max_age)
            each = [get_features(connection, one, NAMES, max_age=max_age) for one in instants]
        expected = pl.concat(
            one.select(pl.lit(instant, UTC_TIME).alias(INSTANT), pl.all())
            for instant, one in zip(instants, each, strict=True)
        )
        assert_frame_equal(found, expected.sort(INSTANT, "venue", "venue_symbol"))
        assert found["level"].to_list() == [
            known_one_by_one(features, row[INSTANT], (row["venue"], row["venue_symbol"]), max_age)
            for row in found.iter_rows(named=True)
        ]
        assert 0 < found["level"].null_count() < found.height


FORMS: dict[str, Callable[[pl.DataFrame], Any]] = {
    "list": lambda frame: frame[INSTANT].to_list(),
    "polars": lambda frame: frame,
    "pandas": lambda frame: frame.to_pandas(),
    "arrow": lambda frame: frame.to_arrow(),
    "another zone": lambda frame: frame.with_columns(
        pl.col(INSTANT).dt.convert_time_zone("Asia/Tokyo").dt.cast_time_unit("ns")
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_instants_come_as_a_list_or_as_a_frame(store: duckdb.DuckDBPyConnection, form: str) -> None:
    instants = pl.DataFrame({INSTANT: [T0 - TENOR, T0]}, schema={INSTANT: UTC_TIME})
    found = get_features(store, FORMS[form](instants))
    assert found.schema == pl.Schema({INSTANT: UTC_TIME, **FEATURE_STORE.polars_schema})
    assert found.select(INSTANT, "venue_symbol", "level").rows() == [
        (T0 - TENOR, "X", 0.2),
        (T0, "X", 0.1),
    ]


def test_a_frame_may_ask_of_each_instrument_at_its_own_instants(
    store: duckdb.DuckDBPyConnection,
) -> None:
    asked = pl.DataFrame(
        {INSTANT: [T0, T0, T0 - TENOR], "venue": ["okx"] * 3, "venue_symbol": ["Z", "X", "X"]},
        schema_overrides={INSTANT: UTC_TIME},
    )
    found = get_features(store, asked.with_columns(note=pl.lit("of the caller")))
    assert found.select(INSTANT, "venue_symbol", "level").rows() == [
        (T0 - TENOR, "X", 0.2),
        (T0, "X", 0.1),
        (T0, "Z", None),
    ]


def test_no_instants_have_no_features(store: duckdb.DuckDBPyConnection) -> None:
    assert get_features(store, [], NAMES).is_empty()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ([T0, T0.replace(tzinfo=None)], "as_of 2026-03-01 00:00:00 has no time zone"),
        (pl.DataFrame({"time": [T0]}), "no column 'instant'\n  hint: it has time"),
        (pl.DataFrame({INSTANT: [T0.replace(tzinfo=None)]}), "not a time in UTC"),
        (pl.DataFrame({INSTANT: [T0, None]}), "or null somewhere"),
        (pl.LazyFrame({INSTANT: [T0]}), r"as_of is a polars\.LazyFrame, not a frame"),
    ],
)
def test_what_is_no_instant_is_refused(
    store: duckdb.DuckDBPyConnection, asked: Any, message: str
) -> None:
    with pytest.raises(FlowError, match=message):
        get_features(store, asked)


def test_a_table_that_is_registered_for_a_question_is_let_go_of(
    store: duckdb.DuckDBPyConnection,
) -> None:
    get_features(store, T0)
    with pytest.raises(duckdb.CatalogException):
        store.execute("FROM asked")


# --- by base


def test_features_of_bases_by_contract_or_by_symbol_where_no_contract_is_known() -> None:
    features = rows(
        FEATURE_STORE,
        curve(0, level=0.1),
        curve(0, venue="gate", venue_symbol="BTC_USDT", level=0.2),
        curve(0, venue="okx", venue_symbol="ETH-PERP", base="ETH", level=0.3),
    )
    at = T0 + timedelta(hours=1)
    with stored(features) as lake:
        lake.execute("CREATE SCHEMA core")
        lake.execute(
            "CREATE TABLE core.instruments AS "
            "SELECT 'okx' AS venue, 'X' AS venue_symbol, 'BTC' AS base"
        )
        assert features_of(lake, at)["level"].to_list() == [0.2, 0.3, 0.1]
        assert features_of(lake, at, bases=["BTC"])["level"].to_list() == [0.1]
        assert features_of(lake, at, bases=["ETH", "BTC_USDT"])["level"].to_list() == [0.2, 0.3]
        assert features_of(lake, at, venue="okx")["level"].to_list() == [0.3, 0.1]
        with pytest.raises(FlowError, match=r"no settled features of SOL were known at 2026-03-01"):
            features_of(lake, at, bases=["SOL"])
