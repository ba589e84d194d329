"""The newest curves of a base are of one time; older ones are asked for by another name."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import duckdb
import polars as pl
import pytest

from funding_platform.core.tables.collected import INSTRUMENTS
from funding_platform.core.tables.features.curves import BUCKETS, CURVE_SNAPSHOTS
from funding_platform.flows.errors import FlowError
from funding_platform.flows.queries import latest_curves, past_curves

NOW = datetime(2025, 3, 1, 8, tzinfo=UTC)
ENDED = {"ftx": datetime(2022, 11, 12, tzinfo=UTC), "dydx_v3": datetime(2024, 10, 1, tzinfo=UTC)}


@contextmanager
def holding(
    curves: dict[str, datetime], *listed: dict[str, str]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database that has a curve per venue, seen from these times, and what venues list."""
    rows = [
        {"venue": venue, "venue_symbol": "X", "as_of": seen, "kind": "settled", "usable": True}
        | dict.fromkeys(BUCKETS, 0.1)
        for venue, seen in curves.items()
    ]
    frames = {
        "features.curve_snapshots": pl.DataFrame(rows, schema=CURVE_SNAPSHOTS.polars_schema),
        "core.instruments": pl.DataFrame(listed, schema=INSTRUMENTS.polars_schema),
    }
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, frame in frames.items():
            connection.register("given", frame)
            connection.execute(f"CREATE SCHEMA {name.split('.')[0]}")
            connection.execute(f"CREATE TABLE {name} AS FROM given")
            connection.unregister("given")
        yield connection


def test_curves_of_venues_that_are_gone_are_not_of_now() -> None:
    current = {"okx": NOW, "bybit": NOW - timedelta(hours=23)}
    with holding({**current, **ENDED}) as lake:
        assert latest_curves(lake, "X")["venue"].to_list() == ["bybit", "okx"]
        past = past_curves(lake, "X")
        assert dict(past.select("venue", "as_of").iter_rows()) == ENDED
        assert past["venue"].to_list() == ["ftx", "dydx_v3"]


def test_a_venue_that_is_gone_can_be_asked_for_by_name() -> None:
    with holding({"okx": NOW, **ENDED}) as lake:
        assert latest_curves(lake, "X", venue="ftx")["as_of"].to_list() == [ENDED["ftx"]]
        assert past_curves(lake, "X", venue="ftx").is_empty()


def test_of_one_kind_only() -> None:
    with holding({"okx": NOW}) as lake:
        assert latest_curves(lake, "X", kind="settled").height == 1
        with pytest.raises(FlowError, match="no usable curve of X"):
            latest_curves(lake, "X", kind="live")


def test_a_past_instant_has_the_curves_that_were_known_then() -> None:
    seen = {"okx": NOW - timedelta(days=8.5), "bybit": NOW - timedelta(days=8), "aster": NOW}
    with holding(seen) as lake:
        # What bybit's says was settled an hour before anybody could know it.
        lake.execute("UPDATE features.curve_snapshots SET available_at = as_of + INTERVAL 1 HOUR")
        at = seen["bybit"] + timedelta(minutes=59)
        assert latest_curves(lake, "X", at=at)["venue"].to_list() == ["okx"]
        known = latest_curves(lake, "X", at=at + timedelta(minutes=1))
        assert known["venue"].to_list() == ["bybit", "okx"]
        now = latest_curves(lake, "X", at=NOW + timedelta(hours=1))
        assert now["venue"].to_list() == ["aster"]
        with pytest.raises(FlowError, match="no usable curve of X was known at 2025-02-25"):
            latest_curves(lake, "X", at=NOW - timedelta(days=4))


def test_a_share_and_a_coin_of_one_ticker_have_no_curves_in_common() -> None:
    of_x = {"venue_symbol": "X", "base": "META"}
    share, coin = ({"venue": venue, **of_x} for venue in ("okx", "bybit"))
    with holding({"okx": NOW, "bybit": NOW}, {**share, "asset_class": "equity"}, coin) as lake:
        with pytest.raises(FlowError, match="META stands for 2 assets: crypto, equity"):
            latest_curves(lake, "META")
        for kind, venue in (("equity", "okx"), ("crypto", "bybit")):
            found = latest_curves(lake, "META", asset_class=kind)
            assert found["venue"].to_list() == [venue]
        assert latest_curves(lake, "META", venue="okx")["venue"].to_list() == ["okx"]
