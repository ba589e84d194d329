"""A row that cannot be read costs that row, and is named; a contract that is broken is refused."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from funding_platform.core.time_grid import Window, to_ms
from funding_platform.settings import Settings
from funding_platform.venues.adapters.binance.rest import Binance
from funding_platform.venues.errors import ConflictError, ContractError
from funding_platform.venues.paging.pager import Ended
from funding_platform.venues.parsing.history import merged
from funding_platform.venues.parsing.leniency import MOST_LEFT_OUT, decode_rows, leaving_out
from funding_platform.venues.parsing.payloads import Payload
from funding_platform.venues.rest.endpoints import Endpoint
from funding_platform_tests.venues.asking import ask, history_of
from funding_platform_tests.venues.server import Answer, Params, Routes

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WINDOW = Window(datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 11, tzinfo=UTC))
PATH = "/fapi/v1/fundingRate"
EIGHT_HOURS = 8 * 3_600_000
TIMES = list(range(to_ms(WINDOW.start) - 2 * EIGHT_HOURS, to_ms(WINDOW.end), EIGHT_HOURS))


def served(*blank: int, value: Any = "") -> Callable[[Params], Answer]:
    """Settlements of any symbol; those of the given numbers have a rate that is none."""

    def rows(params: Params) -> Answer:
        return Answer(
            [
                {"symbol": params["symbol"], "fundingTime": time,
                 "fundingRate": value if number in blank else "0.0001", "markPrice": ""}
                for number, time in enumerate(TIMES)
                if int(params["startTime"]) <= time <= int(params["endTime"])
            ][: int(params["limit"])]
        )  # fmt: skip

    return rows


@pytest.mark.parametrize("value", ["", None, "n/a", {}, "NaN", "9" * 400, []])
@pytest.mark.parametrize("number", [2, 10, len(TIMES) - 1])
def test_one_rate_of_a_page_costs_itself(settings: Settings, number: int, value: Any) -> None:
    history, _, _ = ask(
        "binance", {PATH: served(number, value=value)}, settings, NOW, history_of("AUSDT", WINDOW)
    )
    assert history.failures == {}
    assert history.frame.height == len(TIMES) - 2 - 1
    coverage = history.coverage["AUSDT"]
    assert coverage.ended is Ended.UNREADABLE
    assert not coverage.proven
    assert history.left_out  # the last one comes again, as all that is left to read
    for error in history.left_out:
        assert isinstance(error, ContractError)
        assert "AUSDT" in str(error)
        assert "fundingRate" in str(error)


def test_absence_stays_absent(settings: Settings) -> None:
    history, _, _ = ask("binance", {PATH: served(10)}, settings, NOW, history_of("AUSDT", WINDOW))
    assert history.coverage["AUSDT"].missing == 1
    assert history.frame["funding_rate"].null_count() == 0


def test_a_symbol_without_a_readable_row_fails_alone(settings: Settings) -> None:
    everything = range(len(TIMES))

    def rows(params: Params) -> Answer:
        return served(*(everything if params["symbol"] == "BUSDT" else ()))(params)

    history, _, _ = ask(
        "binance", {PATH: rows}, settings, NOW,
        lambda venue: venue.funding_history(["AUSDT", "BUSDT", "CUSDT"], WINDOW),
    )  # fmt: skip
    assert list(history.failures) == ["BUSDT"]
    assert isinstance(history.failures["BUSDT"], ContractError)
    assert set(history.frame["venue_symbol"]) == {"AUSDT", "CUSDT"}


def test_a_field_that_is_gone_for_all_stops_the_venue(settings: Settings) -> None:
    with pytest.raises(ContractError, match="breaks the contract"):
        ask(
            "binance", {PATH: served(*range(len(TIMES)), value=None)}, settings, NOW,
            lambda venue: venue.funding_history([f"S{n}" for n in range(20)], WINDOW),
        )  # fmt: skip


def symbols(count: int, *broken: int) -> list[dict[str, Any]]:
    return [
        {"symbol": f"S{n}USDT", "status": "TRADING", "contractType": "PERPETUAL",
         "quoteAsset": 5 if n in broken else "USDT", "baseAsset": f"S{n}", "filters": []}
        for n in range(count)
    ]  # fmt: skip


def listings(settings: Settings, *broken: int) -> Any:
    routes: Routes = {
        "/fapi/v1/exchangeInfo": Answer({"symbols": symbols(6, *broken)}),
        "/fapi/v1/fundingInfo": Answer([]),
    }
    return ask("binance", routes, settings, NOW, Binance.instruments)


def test_one_listing_costs_itself(settings: Settings) -> None:
    found, warnings, _ = listings(settings, 3)
    assert set(found["venue_symbol"]) == {f"S{n}USDT" for n in (0, 1, 2, 4, 5)}
    assert any("S3USDT" in str(warning) for warning in warnings)


def test_most_listings_are_the_contract(settings: Settings) -> None:
    with pytest.raises(ContractError, match="breaks the contract"):
        listings(settings, 0, 1, 2, 3)


def test_twins_are_left_out_together(settings: Settings) -> None:
    """Hyperliquid's markets belong to their names by nothing but their position."""
    universe = [{"name": f"C{n}", "szDecimals": 1} for n in range(5)]
    contexts: list[Any] = [
        {"funding": f"0.00{n + 1}", "openInterest": "1", "markPx": "2", "oraclePx": "2",
         "dayNtlVlm": "3"} for n in range(5)
    ]  # fmt: skip
    contexts[2]["funding"] = ""
    found, warnings, _ = ask(
        "hyperliquid", {"/info": Answer([{"universe": universe}, contexts])}, settings, NOW,
        lambda venue: venue.market_snapshot(),
    )  # fmt: skip
    rates = dict(found.select("venue_symbol", "predicted_rate").iter_rows())
    assert rates == {"C0": 0.001, "C1": 0.002, "C3": 0.004, "C4": 0.005}
    assert warnings


TWICE = {
    "a rate": ('"fundingRate":"0.0001"', '"fundingRate":"0.0001","fundingRate":"0.1"'),
    "the same rate": ('"fundingRate":"0.0001"', '"fundingRate":"0.0001","fundingRate":"0.0001"'),
    "with escapes": ('"fundingRate":"0.0001"', r'"fundingRate":"0.0001","funding\u0052ate":"0.1"'),
    "far apart": ('"symbol"', '"fundingTime":0,"symbol"'),
}


@pytest.mark.parametrize("where", [0, 7, -1])
@pytest.mark.parametrize("case", TWICE)
def test_a_key_that_comes_twice_is_refused(settings: Settings, case: str, where: int) -> None:
    whole = served()

    def rows(params: Params) -> Answer:
        found = [json.dumps(row, separators=(",", ":")) for row in whole(params).body]
        if found:
            found[where if abs(where) < len(found) else 0] = found[0].replace(*TWICE[case])
        return Answer(f"[{','.join(found)}]".encode())

    history, _, _ = ask("binance", {PATH: rows}, settings, NOW, history_of("AUSDT", WINDOW))
    error = history.failures["AUSDT"]
    assert isinstance(error, ContractError)
    assert "twice" in str(error)


def test_what_the_second_look_cannot_read_is_told_and_unproves(settings: Settings) -> None:
    first, _, _ = ask("binance", {PATH: served()}, settings, NOW, history_of("AUSDT", WINDOW))
    again, _, _ = ask("binance", {PATH: served(10)}, settings, NOW, history_of("AUSDT", WINDOW))
    assert first.coverage["AUSDT"].proven
    whole = merged(first, WINDOW, [again])
    assert list(whole.left_out) == list(again.left_out) != []
    assert whole.coverage["AUSDT"].ended is Ended.UNREADABLE


def test_a_rate_beyond_all_bounds_in_most_rows_fails_its_symbol_alone(settings: Settings) -> None:
    def rows(params: Params) -> Answer:
        bad = range(len(TIMES)) if params["symbol"] == "BUSDT" else ()
        return served(*bad, value="50.0")(params)

    history, _, _ = ask(
        "binance", {PATH: rows}, settings, NOW,
        lambda venue: venue.funding_history(["AUSDT", "BUSDT", "CUSDT"], WINDOW),
    )  # fmt: skip
    assert list(history.failures) == ["BUSDT"]
    assert "50.0, outside" in str(history.failures["BUSDT"])
    assert all(history.coverage[symbol].proven for symbol in ("AUSDT", "CUSDT"))


@pytest.mark.parametrize(
    "change",
    [{"symbol": "OTHER"}, {"fundingTime": 1_000}, {"fundingTime": to_ms(NOW) + 400 * 86_400_000}],
)
def test_a_stray_row_costs_itself(settings: Settings, change: dict[str, Any]) -> None:
    def rows(params: Params) -> Answer:
        found = served()(params).body
        if len(found) > 10:
            found[10] |= change
        return Answer(found)

    history, _, _ = ask("binance", {PATH: rows}, settings, NOW, history_of("AUSDT", WINDOW))
    assert history.failures == {}
    assert history.frame.height == len(TIMES) - 2 - 1
    assert not history.coverage["AUSDT"].proven
    assert "AUSDT" in str(history.left_out[0])


def test_two_rates_for_one_settlement_are_the_symbols_failure(settings: Settings) -> None:
    def rows(params: Params) -> Answer:
        found = served()(params).body
        if params["symbol"] == "BUSDT":
            found.append(found[-1] | {"fundingRate": "0.0002"})
        return Answer(found)

    history, _, _ = ask(
        "binance", {PATH: rows}, settings, NOW,
        lambda venue: venue.funding_history(["AUSDT", "BUSDT", "CUSDT"], WINDOW),
    )  # fmt: skip
    assert isinstance(history.failures["BUSDT"], ConflictError)
    assert set(history.coverage) == {"AUSDT", "CUSDT"}


class _Row(Payload):
    price: Decimal


class _Rows(Payload):
    rows: list[_Row]


@pytest.mark.parametrize("bad", [1, 5, MOST_LEFT_OUT])
def test_bad_rows_cost_little_more_than_good_ones(
    monkeypatch: pytest.MonkeyPatch, bad: int
) -> None:
    """A venue that sends megabytes with a few bad rows must not hold up the others."""
    broken = {n * 30_000 // bad for n in range(bad)}
    rows = [b'{"price":"none"}' if n in broken else b'{"price":"1.00"}' for n in range(30_000)]
    body = b'{"rows":[' + b",".join(rows) + b"]}"
    endpoint = Endpoint("/rows", _Rows)
    looked_at: list[int] = []
    decode = endpoint.decode

    def counted(some: bytes) -> _Rows:
        looked_at.append(len(some))
        return decode(some)

    monkeypatch.setitem(endpoint.__dict__, "decode", counted)
    with leaving_out() as lost:
        found, rest = decode_rows(endpoint, body, venue="venue", url="/rows")
    assert len(found.rows) == 30_000 - bad
    assert decode(rest) == found
    assert len(lost.errors) == 1
    said = lost.errors[0].message
    assert f" {bad} rows cannot be read" in said
    assert all(f"`$.rows[{n}].price`" in said for n in sorted(broken)[:5])
    assert sum(looked_at) < 7 * len(body)


def test_more_bad_rows_than_may_be_left_out_are_the_contract() -> None:
    rows = [b'{"price":"none"}'] * (MOST_LEFT_OUT + 1) + [b'{"price":"1.00"}'] * 3_000
    body = b'{"rows":[' + b",".join(rows) + b"]}"
    with leaving_out(), pytest.raises(msgspec.ValidationError):
        decode_rows(Endpoint("/rows", _Rows), body, venue="venue", url="/rows")
