"""GRVT: percent, nanoseconds, samples between settlements, and tickers one by one."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from funding_platform.core.time_grid import Window, to_ms
from funding_platform.settings import Settings
from funding_platform.venues.adapters.grvt.rest import HISTORY
from funding_platform.venues.errors import ContractError, UnavailableError
from funding_platform.venues.parsing.history import History
from funding_platform.venues.registry import open_venue
from funding_platform_tests.venues.frames import snapshot
from funding_platform_tests.venues.server import Answer, Params, Route, Router, serve

START = datetime(2025, 10, 1, tzinfo=UTC)
NOT_FOUND = Answer({"code": 1004, "message": "Data Not Found", "status": 404}, 404)


def instrument(name: str, hours: int = 8) -> dict[str, Any]:
    return {
        "instrument": name,
        "base": name.split("_")[0],
        "quote": "USDT",
        "kind": "PERPETUAL",
        "funding_interval_hours": hours,
    }


def ticker(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "instrument": name,
        "funding_rate": "0.57",
        "next_funding_time": "1789344000000000000",
        "mark_price": "2",
    } | changes


def routes(*instruments: dict[str, Any], tickers: Route) -> dict[str, Route]:
    listed = Answer({"result": list(instruments)})
    return {"/full/v1/all_instruments": listed, "/full/v1/ticker": tickers}


def by_name(**answers: Answer) -> Route:
    def handle(params: Params) -> Answer:
        name = params["instrument"]
        return answers.get(name, Answer({"result": ticker(name)}))

    return handle


def test_rates_are_percent_of_the_instruments_own_interval(settings: Settings) -> None:
    both = instrument("A_USDT_Perp", 4), instrument("B_USDT_Perp")
    frame, warnings, _ = snapshot("grvt", routes(*both, tickers=by_name()), settings)
    assert frame.select("predicted_rate", "interval_hours").rows() == [(0.0057, 4.0), (0.0057, 8.0)]
    assert frame["next_funding_time"].to_list() == [datetime(2026, 9, 14, tzinfo=UTC)] * 2
    assert (frame["volume_24h_usd"].null_count(), warnings) == (2, [])


def test_an_empty_side_of_a_book_is_no_price_of_zero(settings: Settings) -> None:
    def handle(params: Params) -> Answer:
        quotes = {"best_bid_price": "0.0", "best_ask_price": "2.5"}
        return Answer({"result": ticker(params["instrument"], **quotes)})

    frame, warnings, _ = snapshot("grvt", routes(instrument("A"), tickers=handle), settings)
    assert (frame["best_bid"].to_list(), frame["best_ask"].to_list()) == ([None], [2.5])
    assert (frame["spread_bps"].to_list(), warnings) == ([None], [])


def test_one_ticker_that_fails_costs_only_its_row(settings: Settings) -> None:
    both = instrument("A_USDT_Perp"), instrument("B_USDT_Perp")
    tickers = by_name(A_USDT_Perp=NOT_FOUND)
    frame, warnings, _ = snapshot("grvt", routes(*both, tickers=tickers), settings)
    assert frame["venue_symbol"].to_list() == ["B_USDT_Perp"]
    assert [type(warning).__name__ for warning in warnings] == ["UnknownSymbolError"]


@pytest.mark.parametrize(
    "changes",
    [
        {"instrument": "B_USDT_Perp"},
        {"funding_rate": None},
        {"funding_rate": "NaN"},
        {"next_funding_time": "soon"},
    ],
    ids=str,
)
def test_a_ticker_that_breaks_the_contract_stops_the_snapshot(
    settings: Settings, changes: dict[str, Any]
) -> None:
    tickers = Answer({"result": ticker("A_USDT_Perp", **changes)})
    with pytest.raises(ContractError):
        snapshot("grvt", routes(instrument("A_USDT_Perp"), tickers=tickers), settings)


def test_an_outage_of_the_tickers_is_one_of_the_venue(settings: Settings) -> None:
    many = [instrument(f"S{number}_USDT_Perp") for number in range(100)]
    with pytest.raises(UnavailableError):
        snapshot("grvt", routes(*many, tickers=Answer(b"", 503)), settings)


def test_a_capital_k_is_a_thousand_for_three_coins_only(settings: Settings) -> None:
    names = [instrument(f"{base}_USDT_Perp") for base in ("KPEPE", "KAVA", "KAS")]
    frame, _, _ = snapshot("grvt", routes(*names, tickers=by_name()), settings, "instruments")
    assert frame.select("base", "multiplier").rows() == [
        ("KAS", 1.0),
        ("KAVA", 1.0),
        ("PEPE", 1000.0),
    ]


def row(hours: float, stated: Any = "0", rate: str = "0.0100") -> dict[str, Any]:
    time_ms = to_ms(START + timedelta(hours=hours))
    return {
        "instrument": "BTC_USDT_Perp",
        "funding_rate": rate,
        "funding_time": f"{time_ms}000000",
        "funding_interval_hours": stated,
    }


def read(
    rows: list[dict[str, Any]], settings: Settings, *, listed: int | None = 8, page: int = 1000
) -> tuple[History, Router]:
    """A month of history, newest first, whose cursor is the number of rows passed over."""

    def handle(params: Params) -> Answer:
        first = int(params.get("cursor", 0))
        end = first + min(page, params["limit"])
        following = str(end) if end < len(rows) else ""
        return Answer({"result": rows[first:end], "next": following})

    instruments = [] if listed is None else [instrument("BTC_USDT_Perp", listed)]
    answers = routes(*instruments, tickers=NOT_FOUND) | {"/full/v1/funding": handle}

    async def run() -> tuple[History, Router]:
        async with (
            serve(answers) as router,
            open_venue("grvt", router.url, settings=settings) as venue,
        ):
            return await venue.funding_history(["BTC_USDT_Perp"], Window.of_month(START)), router

    return asyncio.run(run())


@pytest.mark.parametrize(("listed", "kept"), [(8, 4), (4, 8), (None, 8)])
def test_samples_by_the_minute_are_no_settlements(
    settings: Settings, listed: int | None, kept: int
) -> None:
    rows = [row(minute / 60, rate=f"0.{minute:04d}") for minute in range(32 * 60)][::-1]
    history, router = read(rows, settings, listed=listed, page=100)
    assert history.frame["funding_rate"].to_list() == [
        minute / 1e6 for minute in range(0, 32 * 60, 60 * 32 // kept)
    ]
    assert len([r for r in router.requests if r.path.endswith("funding")]) == 20


def test_a_row_that_states_its_interval_is_a_settlement_at_any_time(settings: Settings) -> None:
    rows = [row(20, 4), row(16, 8), row(8, "8"), row(0.5)]
    history, _ = read(rows, settings)
    assert history.frame["interval_hours"].to_list() == [8.0, 8.0, 4.0]
    assert not history.frame["interval_inferred"].any()


def test_times_are_asked_for_in_nanoseconds(settings: Settings) -> None:
    _, router = read([row(8, 8)], settings)
    asked = next(r.params for r in router.requests if r.path.endswith("funding"))
    assert asked["start_time"] == f"{to_ms(START - timedelta(hours=25))}000000"
    assert "cursor" not in asked


def test_the_documented_sample_of_2025(shared_dir: Path) -> None:
    file = shared_dir / "venues" / "fixtures" / "grvt" / "docs-funding-oct2025-minute-sample.json"
    page = HISTORY.decode(file.read_bytes())
    [sample] = page.result
    assert sample.settlement.time_ms % (4 * 3_600_000) != 0
    assert sample.settlement.interval_hours is None
    assert page.next == "eyJmdW5kaW5nVGltZSI6MTc2MDQ5NDI2MDAwMDAwMDAwMH0"
