"""Filtering and ranking, on a table with the mart's declared columns."""

from datetime import UTC, datetime

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from funding_platform.arbitrage import OpportunityFilter, find_opportunities
from funding_platform.core.mart_tables import OPPORTUNITIES

PAIRS = [
    ("BTC", "okx", "binance", 0.10, 5e6, 3.0),
    ("BTC", "bybit", "binance", 0.30, None, -8.0),
    ("ETH", "okx", "hyperliquid", 0.20, 9e6, None),
    ("ETH", "okx", "bybit", None, 9e6, 1.0),
]


def opportunities() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA marts")
    connection.execute(OPPORTUNITIES.ddl())
    for base, long, short, net_apr, interest, gap in PAIRS:
        connection.execute(
            "INSERT INTO marts.opportunities BY NAME SELECT ? AS base, ? AS long_venue, "
            "? AS short_venue, 'L' AS long_symbol, 'S' AS short_symbol, ? AS net_apr, "
            "? AS min_open_interest_usd, ? AS price_gap_bps, ? AS observed_at",
            [base, long, short, net_apr, interest, gap, datetime(2026, 1, 1, tzinfo=UTC)],
        )
    return connection


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [0.30, 0.20, 0.10, None]),
        ({"descending": False}, [0.10, 0.20, 0.30, None]),
        ({"limit": 1}, [0.30]),
        ({"bases": ["ETH"]}, [0.20, None]),
        ({"venues": ["okx", "binance"]}, [0.10]),
        ({"exclude_venues": ["bybit"]}, [0.20, 0.10]),
        ({"min_net_apr": 0.2}, [0.30, 0.20]),
        # An unknown value does not pass a bound: absence is not zero.
        ({"min_open_interest_usd": 0}, [0.20, 0.10, None]),
        ({"max_price_gap_bps": 5}, [0.10, None]),
        ({"sort_by": "min_open_interest_usd", "limit": 3}, [None, 0.20, 0.10]),
    ],
)
def test_filters(fields: dict[str, object], expected: list[float | None]) -> None:
    found = find_opportunities(OpportunityFilter.model_validate(fields), opportunities())
    assert found["net_apr"].to_list() == expected
    assert tuple(found.columns) == OPPORTUNITIES.column_names


@given(bounds=st.tuples(st.floats(-1, 1), st.floats(-1, 1)))
@settings(max_examples=30)
def test_a_stricter_bound_never_shows_more(bounds: tuple[float, float]) -> None:
    loose, strict = sorted(bounds)
    connection = opportunities()
    shown = [
        set(find_opportunities(OpportunityFilter(min_net_apr=bound), connection)["net_apr"])
        for bound in (strict, loose)
    ]
    assert shown[0] <= shown[1]


@pytest.mark.parametrize(
    ("field", "value"),
    [("limit", 0), ("min_open_interest_usd", -1), ("sort_by", "luck"), ("min_nett", 1)],
)
def test_a_senseless_filter_names_its_field(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        OpportunityFilter.model_validate({field: value})
