"""Records become rows, or an error that names the field: no stamp overflows or wraps around."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import polars as pl
import pytest

from funding_platform.core.tables.collected import MARKET_SNAPSHOTS
from funding_platform.core.tables.schema import Column, Type
from funding_platform.core.time_grid import from_ms
from funding_platform.venues.adapters.binance.rest import HISTORY
from funding_platform.venues.errors import ContractError
from funding_platform.venues.parsing import frames
from funding_platform.venues.parsing.fields import LATEST_MS
from funding_platform.venues.parsing.frames import (
    instruments_frame,
    settlements_frame,
    snapshots_frame,
)
from funding_platform.venues.parsing.records import Listing, MarketRow, Settlement

NOW = datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)
NO_TIMES = [-1, -(10**18), LATEST_MS + 1, 2**63 - 1, 2**63, 10**30]


def settled(time_ms: Any) -> pl.DataFrame:
    return settlements_frame("lima", [Settlement("BTC", time_ms, 1e-4)], NOW)


def snapshot(next_funding_ms: Any) -> pl.DataFrame:
    row = MarketRow(venue_symbol="BTC", predicted_rate=1e-4, next_funding_ms=next_funding_ms)
    return snapshots_frame("lima", [row], NOW, 1.0)


def listed(listed_ms: Any, quote: str = "USDT") -> pl.DataFrame:
    row = Listing(
        venue_symbol="BTC",
        base="BTC",
        quote=quote,
        settle=None,
        contract_type="linear",
        status="on",
        listed_ms=listed_ms,
    )
    return instruments_frame("lima", [row], {"on": "trading"}, NOW)


FRAMES: list[tuple[Callable[[Any], pl.DataFrame], str, str]] = [
    (settled, "time_ms", "venue_time"),
    (snapshot, "next_funding_ms", "next_funding_time"),
    (listed, "listed_ms", "listed_at"),
]


@pytest.mark.parametrize("stamp", NO_TIMES)
@pytest.mark.parametrize(("frame", "field", "column"), FRAMES)
def test_a_stamp_that_is_no_time_is_an_error_that_names_it(
    frame: Callable[[Any], pl.DataFrame], field: str, column: str, stamp: int
) -> None:
    with pytest.raises(ContractError, match=f"{field} of BTC is {stamp}, which is no time") as no:
        frame(stamp)
    assert no.value.path == field


@pytest.mark.parametrize("stamp", [0, 1, 1_772_368_496_789, LATEST_MS])
@pytest.mark.parametrize(("frame", "field", "column"), FRAMES)
def test_every_other_stamp_is_that_time_to_the_millisecond(
    frame: Callable[[Any], pl.DataFrame], field: str, column: str, stamp: int
) -> None:
    assert frame(stamp)[column].to_list() == [from_ms(stamp)]


@pytest.mark.parametrize("stamp", [None, ""])
def test_no_stamp_is_no_time(stamp: str | None) -> None:
    assert snapshot(stamp)["next_funding_time"].to_list() == [None]
    assert listed(stamp)["listed_at"].to_list() == [None]


@pytest.mark.parametrize("stamp", NO_TIMES)
def test_a_payload_says_where_it_was(stamp: int) -> None:
    row = {"symbol": "BTC", "fundingTime": str(stamp), "fundingRate": "0.0001"}
    good = row | {"fundingTime": LATEST_MS}
    with pytest.raises(msgspec.ValidationError, match=r"at `\$\[1\]\.fundingTime`"):
        HISTORY.decode(msgspec.json.encode([good, row]))


def test_a_blank_name_is_an_error() -> None:
    with pytest.raises(ContractError, match="quote of BTC is blank"):
        listed(0, quote="")


def test_a_value_out_of_bounds_is_an_error_that_names_it() -> None:
    with pytest.raises(ContractError, match=r"funding_rate of BTC is 5\.0, outside"):
        settlements_frame("lima", [Settlement("BTC", 0, 5.0)], NOW)


def test_columns_have_the_types_that_their_table_declares() -> None:
    """Whatever is added to a table and to a record: nothing is taken for a number by default."""
    added = (
        Column("note", Type.TEXT, "A text."),
        Column("halted", Type.FLAG, "A flag."),
        Column("trades", Type.INTEGER, "A count."),
    )
    table = replace(MARKET_SNAPSHOTS, columns=(*MARKET_SNAPSHOTS.columns, *added))
    kind = msgspec.defstruct("Wider", ["note", "halted", "trades", "mark_price", "venue_symbol"])
    row = kind(note="quiet", halted=True, trades=2**60 + 1, mark_price=1.5, venue_symbol="A")
    found = frames._columns([row], kind, table)
    assert found.row(0, named=True) == {
        "note": "quiet", "halted": True, "trades": 2**60 + 1, "mark_price": 1.5,
        "venue_symbol": "A",
    }  # fmt: skip
