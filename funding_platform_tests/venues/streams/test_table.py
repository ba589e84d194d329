"""Frames as a table, and which venues have streams."""

import json
from datetime import UTC, datetime

import polars as pl
import pytest

from funding_platform.venues.errors import ContractError, NotOfferedError
from funding_platform.venues.registry import venue_names
from funding_platform.venues.streams import parse_frames
from funding_platform.venues.streams.registry import stream_class, stream_names
from funding_platform_tests.venues.streams.adapters.test_binance import DUE, NOW, mark, marks
from funding_platform_tests.venues.streams.exchanges import listing


def test_a_row_is_an_update_with_its_times_in_utc() -> None:
    ack = json.dumps({"result": None, "id": 1})
    frames = [ack, marks(mark(), mark("ETHUSDT")), marks(mark(r="0.0002"))]
    table = parse_frames("binance", frames, [listing("binance", "BTCUSDT")])
    assert table["venue_symbol"].to_list() == ["BTCUSDT", "ETHUSDT", "BTCUSDT"]
    assert table["predicted_rate"].to_list() == [0.0001, 0.0001, 0.0002]
    assert table["event_time"][0] == datetime.fromtimestamp(NOW / 1_000, UTC)
    assert table["next_funding_time"][0] == datetime.fromtimestamp(DUE / 1_000, UTC)
    assert table["open_interest_base"].null_count() == 3
    assert table.schema["next_funding_time"] == pl.Datetime("us", "UTC")


def test_no_frames_are_no_rows_of_the_same_columns() -> None:
    none = parse_frames("okx", [], [])
    assert (none.height, none.columns[0]) == (0, "venue_symbol")
    assert none.schema == parse_frames("bybit", [], []).schema


def test_a_frame_that_breaks_the_contract_is_raised() -> None:
    with pytest.raises(ContractError):
        parse_frames("binance", [marks({"s": "BTCUSDT"})], [])


def test_a_venue_without_a_stream_says_which_have_one() -> None:
    assert stream_class("drift") is None
    with pytest.raises(NotOfferedError, match="has no stream") as refused:
        parse_frames("drift", [], [])
    assert "binance" in str(refused.value.hint)


@pytest.mark.parametrize("name", stream_names())
def test_a_stream_is_of_the_venue_under_whose_name_it_is_found(name: str) -> None:
    kind = stream_class(name)
    assert kind is not None
    assert (kind.name, name in venue_names()) == (name, True)
    assert kind.spec.base_url.startswith("wss://")
    assert len({channel.name for channel in kind.spec.channels}) == len(kind.spec.channels)
