"""What cannot be is unknown and told, by the rules of the REST side."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from funding_platform.core.time_grid import HOUR_MS, from_ms
from funding_platform.venues.errors import ContractError
from funding_platform.venues.parsing.frames import snapshots_frame
from funding_platform.venues.parsing.leniency import leaving_out
from funding_platform.venues.parsing.plausibility import drop_implausible
from funding_platform.venues.parsing.records import MarketRow
from funding_platform.venues.streams.contract import Channel
from funding_platform.venues.streams.sound import frame_of, update_of
from funding_platform.venues.streams.updates import VALUES, MarketUpdate

NOW = 1_790_373_600_000
CHANNEL = Channel(name="all", values=VALUES, period=timedelta(1), silence=timedelta(2))


def market(symbol: str = "BTC", **changes: Any) -> MarketRow:
    facts: dict[str, Any] = {
        "predicted_rate": 0.0001, "interval_hours": 8.0, "next_funding_ms": NOW + 8 * HOUR_MS,
        "mark_price": 100.0, "index_price": 100.0, "quote": "USDT", "open_interest_base": 5.0,
        "volume_24h_quote": 7.0, "best_bid": 99.0, "best_ask": 101.0,
    }  # fmt: skip
    return MarketRow(venue_symbol=symbol, **(facts | changes))


AMOUNT = st.none() | st.sampled_from([-1.0, 0.0, 1e-9, 9.0, 11.0, 100.0, 1_001.0, 1e12])


@given(
    predicted_rate=st.none() | st.sampled_from([-0.26, -0.25, 0.0, 0.0001, 0.25, 0.2500001, 3.0]),
    interval_hours=st.none() | st.sampled_from([0.0, 1.0, 5.0, 8.0, 24.0, 25.0, -8.0]),
    next_funding_ms=st.none()
    | st.sampled_from([0, NOW // 1_000, NOW - HOUR_MS, NOW + HOUR_MS, NOW + 9 * HOUR_MS]),
    mark_price=AMOUNT,
    index_price=AMOUNT,
    open_interest_base=AMOUNT,
    open_interest_usd=AMOUNT,
    volume_24h_quote=AMOUNT,
    best_bid=AMOUNT,
    best_ask=AMOUNT,
    quote=st.sampled_from(["USDT", "BTC", None]),
)
def test_the_same_market_says_the_same_by_stream_and_by_rest(**facts: Any) -> None:
    rows = [market(), market("ETH"), market("X", **facts), market("Y"), market("Z")]
    with leaving_out():
        frame = snapshots_frame("binance", rows, from_ms(NOW), 0.0)
    frame, _ = drop_implausible("binance", frame)
    told = frame_of("binance", CHANNEL, [update_of(row, VALUES, NOW) for row in rows])
    [by_rest] = frame.filter(venue_symbol="X").to_dicts()
    [by_stream] = [row for row in told.updates if row.venue_symbol == "X"]
    due = by_stream.next_funding_ms
    assert by_rest["next_funding_time"] == (from_ms(due) if isinstance(due, int) else None)
    for name in (name for name in VALUES if name != "next_funding_ms"):
        assert getattr(by_stream, name) == by_rest[name], name


def test_what_cannot_be_is_named() -> None:
    bad = update_of(market(mark_price=5_000.0), VALUES, NOW)
    frame = frame_of("okx", CHANNEL, [bad])
    assert (frame.updates[0].mark_price, frame.updates[0].index_price) == (None, 100.0)
    [error] = frame.unread
    assert (error.venue, error.endpoint) == ("okx", "all")
    assert "mark_price of BTC is more than 10 times apart" in str(error)


def test_what_is_unset_stays_unset() -> None:
    partial = MarketUpdate(venue_symbol="BTC", predicted_rate=0.3)
    [row] = frame_of("okx", CHANNEL, [partial]).updates
    assert (row.predicted_rate, row.mark_price, row.next_funding_ms) == (None, UNSET, UNSET)


@pytest.mark.parametrize(("bad", "of"), [(3, 6), (1, 2), (2, 2)])
def test_a_half_and_the_whole_of_a_few_are_left_out(bad: int, of: int) -> None:
    rows = [market(str(n), predicted_rate=9.0 if n < bad else 0.0) for n in range(of)]
    frame = frame_of("okx", CHANNEL, [update_of(row, VALUES, NOW) for row in rows])
    assert len(frame.unread) == bad
    assert [row.predicted_rate for row in frame.updates] == [None] * bad + [0.0] * (of - bad)


def test_most_of_many_break_the_contract() -> None:
    rows = [market(str(n), predicted_rate=9.0 if n < 4 else 0.0) for n in range(6)]
    with pytest.raises(ContractError, match="predicted_rate of 0 is 9"):
        frame_of("okx", CHANNEL, [update_of(row, VALUES, NOW) for row in rows])
