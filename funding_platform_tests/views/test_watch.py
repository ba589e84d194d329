"""The live market on a terminal: what it shows of given frames, and what keys do."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from textual.widgets import DataTable, Static

from funding_platform.flows.errors import NotLiveError
from funding_platform.flows.live.latest import BOARD, PAIRS, VENUES, VENUES_SCHEMA, Latest
from funding_platform.views.live_tables import (
    clock,
    short_span,
    shown_movers,
    shown_pairs,
    shown_settlements,
    shown_venues,
)
from funding_platform.views.watch import Watch

NOW = datetime(2026, 3, 1, 11, 59, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

VENUE_ROWS = pl.DataFrame(
    [
        ("binance", "stream", 0.4, 812.4, 500, 0, 1, None),
        ("bybit", "stream", 75.0, 3.0, 300, 200, 4, None),
        ("drift", "rest", None, 0.0, 0, 0, 0, "no connection"),
        ("okx", "stream", None, 0.0, 0, 0, 0, None),
    ],
    schema=VENUES_SCHEMA,
    orient="row",
)
BOARD_ROWS = pl.DataFrame(
    [
        ("binance", "BTCUSDT", 1e-4, 1e-4, 8.0, NOON),
        ("bybit", "PEPEUSDT", 3e-4, 1e-4, 4.0, NOON),
        ("hyperliquid", "PEPE", -1e-5, 1e-5, 1.0, NOON),
        ("okx", "NEW-USDT-SWAP", 1e-4, None, 8.0, NOON + 4 * HOUR),
        ("okx", "ODD-USDT-SWAP", 9e-4, 1e-4, None, NOON - HOUR),
        ("bybit", "BTCUSDT", 1e-4, 1e-4, 8.0, NOON),
    ],
    schema={
        "venue": pl.String,
        "venue_symbol": pl.String,
        "predicted_rate": pl.Float64,
        "rate_before": pl.Float64,
        "interval_hours": pl.Float64,
        "next_funding_time": pl.Datetime("us", "UTC"),
    },
    orient="row",
)
PAIR_ROWS = pl.DataFrame(
    {
        "base": ["BTC", "PEPE", "OLD"],
        "long_venue": ["okx", "hyperliquid", "okx"],
        "short_venue": ["bybit", "bybit", "bybit"],
        "net_apr": [0.051, 0.213, None],
        "divergence_8h": [1e-4, 6e-4, 9e-4],
        "tier": ["moderate", "strong", "avoid"],
    }
)
FRAMES = {BOARD: BOARD_ROWS, VENUES: VENUE_ROWS, PAIRS: PAIR_ROWS}


def latest(at: datetime = NOW, frames: Mapping[str, pl.DataFrame] = FRAMES) -> Latest:
    return Latest(at, NOW - HOUR, 1, frames)


def test_venues_in_trouble_come_first() -> None:
    assert shown_venues(VENUE_ROWS).select("venue", "age", "upd/s", "state").rows() == [
        ("drift", None, 0, "down"),
        ("bybit", "75 s", 3, "stale"),
        ("okx", None, 0, "waiting"),
        ("binance", "0.4 s", 812, "live"),
    ]


def test_movers_are_compared_per_8_hours_and_only_where_the_interval_is_known() -> None:
    assert shown_movers(BOARD_ROWS, 5).rows() == [
        ("bybit", "PEPEUSDT", 6.0, 4.0),
        ("hyperliquid", "PEPE", -0.8, -1.6),
    ]
    assert shown_movers(BOARD_ROWS, 1).height == 1


def test_settlements_count_down_and_those_that_passed_are_gone() -> None:
    expected = pl.DataFrame(
        {
            "in": ["0:00:30", "4:00:30"],
            "at": ["12:00", "16:00"],
            "n": [4, 1],
            "venues": ["bybit binance hyperliquid", "okx"],
        }
    )
    assert_frame_equal(shown_settlements(BOARD_ROWS, NOW, 9), expected, check_dtypes=False)


def test_pairs_without_a_net_are_not_ranked() -> None:
    assert shown_pairs(PAIR_ROWS, 9).select("base", "net %/y", "bp/8h").rows() == [
        ("PEPE", 21.3, 6.0),
        ("BTC", 5.1, 1.0),
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.42, "0.4 s"), (59.6, "60 s"), (180, "3 min"), (7200, "2 h")],
)
def test_ages_are_in_the_unit_that_they_are_read_in(seconds: float, text: str) -> None:
    assert short_span(seconds) == text


def test_a_countdown_that_is_over_stays_at_nothing() -> None:
    assert [clock(timedelta(seconds=seconds)) for seconds in (3661, 0, -5)] == [
        "1:01:01",
        "0:00:00",
        "0:00:00",
    ]


def cells(app: Watch, name: str) -> list[list[str]]:
    table = app.query_one(f"#{name}", DataTable)
    return [[str(cell).strip() for cell in table.get_row_at(row)] for row in range(table.row_count)]


def status(app: Watch) -> str:
    return str(app.query_one("#status", Static).render())


def test_all_four_tables_are_on_a_small_screen() -> None:
    async def look() -> None:
        app = Watch(latest, lambda: NOW)
        async with app.run_test(size=(80, 24)):
            assert [len(cells(app, name)) for name in Watch.PANELS] == [4, 2, 2, 2]
            assert cells(app, "settlements")[0] == [
                "0:00:30",
                "12:00",
                "4",
                "bybit binance hyperliquid",
            ]
            assert "4 venues, 6 instruments, 0.0 s old" in status(app)
            regions = [app.query_one(f"#{name}", DataTable).region for name in Watch.PANELS]
            assert all(region.width == 40 and region.height >= 10 for region in regions)

    asyncio.run(look())


def test_when_the_collector_stops_the_last_stays_and_its_age_is_said() -> None:
    moments = [NOW]

    async def look() -> None:
        app = Watch(lambda: latest(NOW), lambda: moments[-1])
        async with app.run_test(size=(80, 24)):
            moments.append(NOW + timedelta(minutes=5))
            app.look()
            assert "the collector stopped, or hangs: this is 5 min old" in status(app)
            assert len(cells(app, "venues")) == 4

    asyncio.run(look())


def test_without_a_collector_the_way_to_start_one_is_said() -> None:
    def nothing() -> Latest:
        raise NotLiveError("no collector has run", hint="run `funding live`")

    async def look() -> None:
        app = Watch(nothing, lambda: NOW)
        async with app.run_test(size=(80, 24)):
            assert "run `funding live`" in status(app)
            assert cells(app, "venues") == []

    asyncio.run(look())


def test_paused_it_stands_still_and_goes_on_again() -> None:
    seen = [FRAMES]

    async def look() -> None:
        app = Watch(lambda: latest(frames=seen[-1]), lambda: NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("space")
            seen.append({VENUES: VENUE_ROWS.head(1)})
            app.look()
            assert "paused" in status(app)
            assert len(cells(app, "venues")) == 4
            await pilot.press("space")
            app.look()
            assert len(cells(app, "venues")) == 1

    asyncio.run(look())


def test_one_table_can_have_the_whole_screen() -> None:
    async def look() -> None:
        app = Watch(latest, lambda: NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            app.query_one("#pairs", DataTable).focus()
            await pilot.press("z")
            await pilot.pause()
            assert app.query_one("#pairs", DataTable).region.width >= 78
            await pilot.press("z")
            await pilot.pause()
            assert app.query_one("#pairs", DataTable).region.width == 40

    asyncio.run(look())


def test_what_a_venue_calls_things_is_no_markup() -> None:
    bad = BOARD_ROWS.with_columns(venue_symbol=pl.lit("[red]\x1b[31m"))

    async def look() -> None:
        app = Watch(lambda: latest(frames={BOARD: bad}), lambda: NOW)
        async with app.run_test(size=(80, 24)):
            assert cells(app, "movers")[0][1] == "[red]\\x1b[31m"

    asyncio.run(look())
