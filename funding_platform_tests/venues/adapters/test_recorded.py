"""The adapters on recorded answers, against the values that ``fixtures/INDEX.json`` expects."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from funding_platform.core.tables.collected import FUNDING_RATES, INSTRUMENTS, MARKET_SNAPSHOTS
from funding_platform.core.tables.schema import Table
from funding_platform.core.time_grid import from_ms
from funding_platform.settings import Settings
from funding_platform.venues import open_venue
from funding_platform.venues.paging.pager import round_to_second
from funding_platform_tests.venues.adapters.recorded_cases import rest_cases
from funding_platform_tests.venues.adapters.recorded_files import (
    FILES,
    LISTS,
    NOW,
    collect,
    expected,
    history_file,
)
from funding_platform_tests.venues.server import Answer, serve

STATED_INTERVALS = {"lighter", "extended", "grvt"}
"""Venues that state the interval of each settlement, or that of all."""

NOT_QUOTED = {"PAXG_USDC_PERP"}
"""Symbols whose volume was recorded without their rate."""

SNAPSHOT_FIELDS = {
    "funding_rate_per_interval": "predicted_rate",
    "interval_hours": "interval_hours",
    "mark_price": "mark_price",
    "index_price": "index_price",
    "open_interest_base": "open_interest_base",
    "open_interest_usd": "open_interest_usd",
    "volume_24h_quote": "volume_24h_usd",
    "volume_24h_quote_approx": "volume_24h_usd",
    "bid": "best_bid",
    "ask": "best_ask",
}
INSTRUMENT_FIELDS = {
    "tick_size": "tick_size",
    "min_size": "min_size",
    "min_size_contracts": "min_size",
    "interval_hours": "interval_hours",
    "contract_value": "contract_size",
}


ELSEWHERE = {
    "hyperliquid/docs-predictedFundings.json",  # a call that we do not make
    "hyperliquid/predictedFundings-jun2026-row.json",
    "lighter/funding-rates-nov2025.json",  # second recordings of a call: in the venue's own tests
    "extended/docs-funding-paginated.json",
}


@pytest.fixture(scope="module")
def fixtures(shared_dir: Path) -> Path:
    return shared_dir / "venues" / "fixtures"


@pytest.mark.parametrize("venue", FILES)
def test_no_recorded_answer_is_left_out(venue: str) -> None:
    files = [
        {file} if isinstance(file, str) else {*file.values()} for file in FILES[venue].values()
    ]
    served = {f"{venue}/{name}" for names in files for name in names}
    assert {case["file"] for case in rest_cases(venue)} <= served | ELSEWHERE


@pytest.mark.parametrize("venue", FILES)
def test_frames_are_exactly_the_core_tables(fixtures: Path, venue: str) -> None:
    frames, _ = collect(fixtures, venue)
    tables: dict[str, Table] = {
        "instruments": INSTRUMENTS,
        "snapshot": MARKET_SNAPSHOTS,
        "history": FUNDING_RATES,
    }
    for name, table in tables.items():
        assert frames[name].schema == table.polars_schema
        assert not frames[name].is_empty()
        required = [column.name for column in table.columns if not column.nullable]
        assert frames[name].select(required).null_count().sum_horizontal().item() == 0


@pytest.mark.parametrize("venue", FILES)
def test_snapshots_hold_the_expected_values(fixtures: Path, venue: str) -> None:
    frames, _ = collect(fixtures, venue)
    snapshot = {row["venue_symbol"]: row for row in frames["snapshot"].to_dicts()}
    compared = 0
    for path, file in FILES[venue].items():
        if path.endswith(LISTS):
            continue
        names = {file} if isinstance(file, str) else {*file.values()}
        names.discard(history_file(venue))
        for row in (row for name in names for row in expected(fixtures, venue, name)):
            # What is excluded as relayed from another exchange has a row of the venue beside it.
            if "relayed" in row.get("note", "") or row["native_symbol"] in NOT_QUOTED:
                continue
            # An X-Perp counts once it is listed, and the recorded list is that of the swaps.
            if "excluded" in row.get("note", ""):
                assert row["native_symbol"] not in snapshot
                continue
            found = snapshot[row["native_symbol"]]
            for theirs, ours in SNAPSHOT_FIELDS.items():
                if theirs in row:
                    assert found[ours] == pytest.approx(float(row[theirs]), rel=1e-12), theirs
                    compared += 1
            if "next_funding_ms" in row:
                assert found["next_funding_time"] == from_ms(row["next_funding_ms"])
    assert compared >= 9
    assert {row["observed_at"] for row in snapshot.values()} == {NOW}
    assert {row["snapshot_hour"] for row in snapshot.values()} == {NOW.replace(minute=0)}


@pytest.mark.parametrize("venue", [venue for venue in FILES if venue != "hyperliquid"])
def test_instruments_hold_the_expected_values(fixtures: Path, venue: str) -> None:
    frames, _ = collect(fixtures, venue)
    instruments = {row["venue_symbol"]: row for row in frames["instruments"].to_dicts()}
    file = next(iter(FILES[venue].values()))
    assert isinstance(file, str)
    for row in expected(fixtures, venue, file):
        if row.get("tradable_perp") is False:
            status = instruments.get(row["native_symbol"], {}).get("status")
            assert status != "trading"
            continue
        found = instruments[row["native_symbol"]]
        assert found["status"] == "trading"
        for theirs, ours in INSTRUMENT_FIELDS.items():
            if theirs in row:
                assert found[ours] == float(row[theirs]), theirs
        for name in ("quote", "settle"):
            assert found[name] == row.get(name, found[name])
        assert found["contract_type"] == row.get("type", "linear")


@pytest.mark.parametrize("venue", FILES)
def test_settled_rates_hold_the_expected_values(fixtures: Path, venue: str) -> None:
    frames, _ = collect(fixtures, venue)
    recorded = expected(fixtures, venue, history_file(venue))
    settled = [row for row in recorded if row["kind"] == "settled"]
    rows = sorted(settled, key=lambda row: row["settled_ms"])
    history = frames["history"]
    assert history["venue_time"].to_list() == [
        from_ms(row.get("raw_time_ms", row["settled_ms"])) for row in rows
    ]
    assert history["funding_time"].to_list() == [
        from_ms(round_to_second(row["settled_ms"])) for row in rows
    ]
    assert history["funding_rate"].to_list() == [
        float(row["funding_rate_per_interval"]) for row in rows
    ]
    assert history["interval_hours"].to_list() == [float(row["interval_hours"]) for row in rows]
    assert set(history["interval_inferred"]) == {venue not in STATED_INTERVALS}
    assert history["mark_price"].to_list() == [
        float(row["mark_price"]) if "mark_price" in row else None for row in rows
    ]


def test_what_was_not_recorded_is_null_with_a_warning(fixtures: Path) -> None:
    """The binance recordings lack bookTicker: no spread, one warning, no failure."""
    frames, warnings = collect(fixtures, "binance")
    assert frames["snapshot"]["spread_bps"].null_count() == 3
    assert any("bookTicker" in warning.endpoint for warning in warnings)


def test_a_multiplier_is_split_off_the_base_and_left_in_the_prices(fixtures: Path) -> None:
    frames, _ = collect(fixtures, "bybit")
    bonk = frames["instruments"].row(by_predicate=pl.col("base") == "BONK", named=True)
    assert (bonk["venue_symbol"], bonk["multiplier"]) == ("1000BONKPERP", 1000.0)
    held = frames["snapshot"].filter(venue_symbol="1000BONKPERP")
    assert held["open_interest_base"].item() == 30_973_240


def test_a_full_exchange_info_fills_every_column(fixtures: Path) -> None:
    answer = Answer((fixtures / "binance" / "exchangeInfo-full-testnet.json").read_bytes())

    async def run() -> dict[str, Any]:
        async with (
            serve({"/fapi/v1/exchangeInfo": answer}) as router,
            open_venue("binance", router.url, settings=Settings()) as venue,
        ):
            return (await venue.instruments()).row(0, named=True)

    row = asyncio.run(run())
    assert (row["base"], row["settle"], row["tick_size"], row["min_size"]) == (
        "BTC",
        "USDT",
        0.1,
        0.001,
    )
    assert row["listed_at"] == datetime(2019, 9, 25, 8, tzinfo=UTC)
