"""Deribit: what an hour paid, never the rolling figure; dollars or coins; JSON-RPC errors."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from funding_platform.core.time_grid import Window, from_ms, to_ms
from funding_platform.settings import Settings
from funding_platform.venues.errors import (
    ContractError,
    RateLimitedError,
    RequestError,
    ServerError,
    UnknownSymbolError,
    VenueError,
)
from funding_platform_tests.venues.adapters.recorded_cases import (
    Case,
    assert_as_expected,
    body,
    every_case,
)
from funding_platform_tests.venues.asking import (
    Row,
    ask,
    by_symbol,
    history_of,
    instruments,
    snapshot,
)
from funding_platform_tests.venues.histories import read_series
from funding_platform_tests.venues.server import Answer, Params, Routes

PUBLIC = "/api/v2/public"
INSTRUMENTS, SUMMARIES = f"{PUBLIC}/get_instruments", f"{PUBLIC}/get_book_summary_by_currency"
HISTORY = f"{PUBLIC}/get_funding_rate_history"
NOW = datetime(2026, 9, 18, 12, 30, tzinfo=UTC)
BTC = "BTC-PERPETUAL"


def result(rows: object) -> Answer:
    return Answer({"jsonrpc": "2.0", "result": rows, "usDiff": 5, "testnet": False})


def instrument(name: str, kind: str = "linear", **changes: object) -> Row:
    base, _, quote = name.removesuffix("-PERPETUAL").partition("_")
    return {
        "instrument_name": name, "instrument_type": kind, "base_currency": base,
        "quote_currency": quote or "USD", "settlement_currency": quote or base, "is_active": True,
        "contract_size": 1.0, "tick_size": 0.5, "min_trade_amount": 1.0,
        "creation_timestamp": 1534167754000, "settlement_period": "perpetual",
    } | changes  # fmt: skip


def summary(name: str, **changes: object) -> Row:
    return {
        "instrument_name": name, "mark_price": 50.0, "open_interest": 1000.0, "volume_usd": 7.0,
        "bid_price": 49.5, "ask_price": None, "funding_8h": 0.0008, "current_funding": 0.0,
        "estimated_delivery_price": 49.9,
    } | changes  # fmt: skip


def interest(time_ms: int, **changes: object) -> Row:
    return {
        "timestamp": time_ms, "index_price": 100.0, "prev_index_price": 99.0,
        "interest_8h": 0.0008, "interest_1h": 0.0001,
    } | changes  # fmt: skip


def routes(summaries: dict[str, list[Row]], *listed: Row) -> Routes:
    return {
        INSTRUMENTS: result(list(listed)),
        SUMMARIES: lambda params: result(summaries[params["currency"]]),
    }


@every_case("deribit")
def test_recorded_answers_hold_the_expected_values(case: Case, settings: Settings) -> None:
    expected, answer = case["expected_normalised"], Answer(body(case))
    if case["path"] == INSTRUMENTS:
        found = by_symbol(ask("deribit", {INSTRUMENTS: answer}, settings, NOW, instruments).found)
        assert list(found) == [row["native_symbol"] for row in expected if row["is_perp"]]
        for row in expected:
            if row["is_perp"]:
                assert_as_expected(row, found[BTC])
                assert found[BTC]["contract_size"] == float(row["contract_size"])
                assert (found[BTC]["min_size"], found[BTC]["order_unit"]) == (10.0, 1.0)
        return
    first, last = (from_ms(expected[at]["settled_ms"]) for at in (0, -1))
    window = Window(first, last + timedelta(hours=1))
    asked = ask("deribit", {HISTORY: [answer, result([])]}, settings, NOW, history_of(BTC, window))
    rows = asked.found.frame.to_dicts()
    assert len(rows) == len(expected)
    for row, found in zip(expected, rows, strict=True):
        assert_as_expected({**row, "kind": "settled"}, found)
    assert not any(row["interval_inferred"] for row in rows)


def test_eight_hours_add_up_to_the_rolling_figure_and_one_is_not_an_eighth_of_it(
    shared_dir: Path,
) -> None:
    """On 16,000 real hours: summing the rolling figure hour by hour would overstate eightfold."""
    folder = shared_dir / "data" / "funding" / "deribit"
    hourly, rolling = (
        np.array([float(row.rate) for row in read_series(folder / f"{BTC}{figure}.csv.gz")])
        for figure in ("", ".interest_8h")
    )
    sums = np.convolve(hourly, np.ones(8), "valid")
    assert np.median(np.abs(sums - rolling[7:])) < 5e-7
    assert np.median(np.abs(8 * hourly - rolling)) > 2e-5
    assert np.abs(rolling).sum() / np.abs(sums).sum() == pytest.approx(1, rel=0.05)


def test_the_recorded_ticker_in_the_words_of_the_summary(
    shared_dir: Path, settings: Settings
) -> None:
    """Both calls tell the same; the summary tells it of all contracts of a currency."""
    fixtures = shared_dir / "venues" / "fixtures"
    ticker = json.loads((fixtures / "deribit" / "ws-ticker-BTC-PERPETUAL.json").read_text())
    data = ticker["params"]["data"]
    row = summary(
        BTC,
        bid_price=data["best_bid_price"],
        ask_price=data["best_ask_price"],
        volume_usd=data["stats"]["volume_usd"],
        **{
            name: data[name]
            for name in ("mark_price", "open_interest", "funding_8h", "estimated_delivery_price")
        },
    )
    served = routes({"BTC": [row]}, instrument(BTC, "reversed"))
    [found] = by_symbol(ask("deribit", served, settings, NOW, snapshot).found).values()
    cases = json.loads((fixtures / "INDEX.json").read_text())["cases"]
    [expected] = next(
        case["expected_normalised"] for case in cases if "deribit/ws-ticker" in case["file"]
    )
    assert_as_expected(expected, found)
    assert found["best_bid"] == float(expected["bid"])
    assert found["best_ask"] == float(expected["ask"])
    assert found["open_interest_usd"] == float(expected["open_interest_usd_contracts"])
    assert found["volume_24h_usd"] == float(expected["volume_24h_usd"])
    assert found["next_funding_time"] is None


def test_inverse_contracts_count_dollars_and_linear_ones_coins(settings: Settings) -> None:
    served = routes(
        {
            "BTC": [summary(BTC), summary("BTC-25DEC26", funding_8h=None)],
            "USDC": [summary("SOL_USDC-PERPETUAL")],
        },
        instrument(BTC, "reversed"),
        instrument("BTC-25DEC26", "reversed", settlement_period="month"),
        instrument("SOL_USDC-PERPETUAL"),
    )
    found = by_symbol(ask("deribit", served, settings, NOW, snapshot).found)
    held = {
        name: (row["open_interest_base"], row["open_interest_usd"]) for name, row in found.items()
    }
    assert held == {BTC: (20.0, 1000.0), "SOL_USDC-PERPETUAL": (1000.0, 50_000.0)}
    listed = by_symbol(ask("deribit", served, settings, NOW, instruments).found)
    facts = {n: (r["quote"], r["settle"], r["contract_type"]) for n, r in listed.items()}
    assert facts == {
        BTC: ("USD", "BTC", "inverse"),
        "SOL_USDC-PERPETUAL": ("USDC", "USDC", "linear"),
    }


def test_each_currency_costs_one_call_and_one_that_fails_only_its_rows(settings: Settings) -> None:
    served = routes({}, instrument(BTC, "reversed"), *map(instrument, ("A_USDC-PERPETUAL",
                    "B_USDC-PERPETUAL")))  # fmt: skip
    rows = [summary("A_USDC-PERPETUAL"), summary("B_USDC-PERPETUAL")]
    served[SUMMARIES] = lambda p: result(rows) if p["currency"] == "USDC" else Answer(b"", 400)
    found, warnings, router = ask("deribit", served, settings, NOW, snapshot)
    assert found["venue_symbol"].to_list() == ["A_USDC-PERPETUAL", "B_USDC-PERPETUAL"]
    assert [type(warning) for warning in warnings] == [RequestError]
    asked = [r.params["currency"] for r in router.requests if r.path == SUMMARIES]
    assert sorted(asked) == ["BTC", "USDC"]


@pytest.mark.parametrize(
    "changes",
    [{"funding_8h": None}, {"funding_8h": "NaN"}, {"mark_price": 0}],
    ids=str,
)
def test_a_perpetual_without_its_rate_or_at_no_price_breaks_the_contract(
    settings: Settings, changes: dict[str, object]
) -> None:
    served = routes({"BTC": [summary(BTC, **changes)]}, instrument(BTC, "reversed"))
    with pytest.raises(ContractError):
        ask("deribit", served, settings, NOW, snapshot)


def test_a_price_that_is_not_known_is_null(settings: Settings) -> None:
    served = routes({"BTC": [summary(BTC, mark_price=None)]}, instrument(BTC, "reversed"))
    (row,) = ask("deribit", served, settings, NOW, snapshot).found.rows(named=True)
    assert (row["mark_price"], row["open_interest_base"]) == (None, None)
    assert (row["predicted_rate"], row["open_interest_usd"]) == (0.0008, 1000.0)


def test_an_inactive_contract_is_halted_and_has_no_market(settings: Settings) -> None:
    served = routes({"USDC": [summary("A_USDC-PERPETUAL"), summary("B_USDC-PERPETUAL")]},
                    instrument("A_USDC-PERPETUAL"),
                    instrument("B_USDC-PERPETUAL", is_active=False))  # fmt: skip
    assert list(by_symbol(ask("deribit", served, settings, NOW, snapshot).found)) == [
        "A_USDC-PERPETUAL"
    ]
    listed = by_symbol(ask("deribit", served, settings, NOW, instruments).found)
    assert listed["B_USDC-PERPETUAL"]["status"] == "halted"


def test_no_row_is_lost_to_the_excluded_start_or_the_silent_limit(settings: Settings) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    hours = [to_ms(start + timedelta(hours=hour)) for hour in range(-48, 75 * 24)]

    def history(params: Params) -> Answer:
        low, high = int(params["start_timestamp"]), int(params["end_timestamp"])
        return result([interest(time) for time in hours if low < time <= high][-744:])

    window = Window(start, datetime(2026, 5, 1, tzinfo=UTC))
    found, _, router = ask("deribit", {HISTORY: history}, settings, NOW, history_of(BTC, window))
    assert [to_ms(time) for time in found.frame["funding_time"]] == hours[48 : 48 + 61 * 24]
    spans = [(int(r.params["start_timestamp"]), int(r.params["end_timestamp"]))
             for r in router.requests]  # fmt: skip
    assert all(end - begin <= 30 * 86_400_000 + 1 for begin, end in spans)
    assert all(later[0] < earlier[1] + 1 for earlier, later in pairwise(spans))
    assert len(router.requests) == 3


WRONG = {"code": -32602, "message": "Invalid params"}


@pytest.mark.parametrize("status", [200, 400, 429])
def test_the_recorded_refusal_is_a_rate_limit_whatever_its_status(
    shared_dir: Path, settings: Settings, status: int
) -> None:
    file = shared_dir / "venues" / "fixtures" / "deribit" / "error-too_many_requests.json"
    with pytest.raises(RateLimitedError):
        ask("deribit", {INSTRUMENTS: Answer(file.read_bytes(), status)}, settings, NOW, instruments)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {**WRONG, "data": {"reason": "-", "param": "instrument_name"}}, UnknownSymbolError),
        (400, {**WRONG, "data": {"reason": "-", "param": "end_timestamp"}}, RequestError),
        (400, {"code": 13020, "message": "not_found"}, UnknownSymbolError),
        (500, {"code": 11094, "message": "internal_server_error"}, ServerError),
        (400, {"code": 99999, "message": "unheard of", "data": "text"}, RequestError),
    ],
    ids=lambda value: str(value)[:24],
)  # fmt: skip
def test_errors_by_their_code(
    settings: Settings, status: int, error: Row, kind: type[VenueError]
) -> None:
    answer = Answer({"jsonrpc": "2.0", "error": error}, status)
    window = Window(NOW - timedelta(days=2), NOW)
    asked = ask("deribit", {HISTORY: answer}, settings, NOW, history_of(BTC, window))
    assert type(asked.found.failures[BTC]) is kind
    assert str(error["code"]) in str(asked.found.failures[BTC])
