"""What venue files declare with: envelopes, error codes, and payloads whose fields are columns."""

from typing import Any

import msgspec
import pytest

from funding_platform.venues.errors import (
    ContractError,
    RateLimitedError,
    RequestError,
    UnknownSymbolError,
    VenueError,
)
from funding_platform.venues.parsing.fields import Real, RealOrBlank
from funding_platform.venues.parsing.payloads import (
    SymbolRow,
    coalesce,
    larger,
    product,
    ratio,
    total,
)
from funding_platform.venues.parsing.records import Listing, MarketRow, Page, Settlement
from funding_platform.venues.rest.endpoints import Endpoint, ErrorCodes


class Ticker(SymbolRow):
    mark_price: Real


class Book(SymbolRow):
    mark_price: RealOrBlank
    best_bid: Real

    @property
    def best_ask(self) -> float:
        return self.best_bid + 1


TICKER = Ticker("BTC", 100.0)


def test_a_record_takes_over_what_bears_the_names_of_its_fields() -> None:
    """What is stated comes first, then the sources in order; a source that is absent is none."""
    books = {"BTC": Book("BTC", "", 99.0)}
    found = MarketRow.joined(TICKER, books, {}, predicted_rate=0.1, quote="USD")
    assert found == MarketRow(
        venue_symbol="BTC",
        predicted_rate=0.1,
        quote="USD",
        mark_price=100.0,
        best_bid=99.0,
        best_ask=100.0,
    )
    assert MarketRow.of(books["BTC"], TICKER, predicted_rate=0.1).mark_price == ""
    assert MarketRow.of(None, TICKER, predicted_rate=0.1, mark_price=7.0).mark_price == 7.0


def test_a_record_lacks_nothing_that_it_must_have() -> None:
    with pytest.raises(TypeError, match="predicted_rate"):
        MarketRow.of(TICKER)


@pytest.mark.parametrize(("stated", "settle"), [({}, "USDC"), ({"settle": "USDT"}, "USDT")])
def test_a_linear_contract_settles_in_its_quote_where_nothing_else_is_said(
    stated: dict[str, str], settle: str
) -> None:
    listing = Listing.linear(TICKER, base="BTC", quote="USDC", status="live", **stated)
    assert (listing.settle, listing.contract_type, listing.contract_size) == (settle, "linear", 1.0)


def test_rows_that_are_no_settlements_still_show_how_far_a_page_reaches() -> None:
    rows = [Settlement("BTC", time_ms, 0.1) for time_ms in (1, 2, 3)]
    page = Page.sifted(rows, lambda row: row.time_ms != 2, "next")
    assert [row.time_ms for row in page.rows] == [1, 3]
    assert (page.passed_over_ms, page.token) == ([2], "next")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (coalesce(None, "", 0.0, 2.0), 0.0),
        (coalesce("", None), None),
        (product(2.0, 3.0), 6.0),
        (product(2.0, ""), None),
        (total(2.0, 3.0), 5.0),
        (total(2.0, None), None),
        (ratio(90.0, 60), 1.5),
        (ratio("", 60), None),
        (larger(2.0, -3.0), 3.0),
        (larger(2.0, ""), None),
    ],
)
def test_absence_stays_absent(found: float | None, expected: float | None) -> None:
    assert found == expected


ROW = {"symbol": "BTC", "markPrice": "100"}


@pytest.mark.parametrize(
    ("endpoint", "answer"),
    [
        (Endpoint("/", Ticker), ROW),
        (Endpoint("/", Ticker, within="data"), {"data": ROW}),
        (Endpoint("/", Ticker, within="result.row"), {"result": {"row": ROW}, "code": 0}),
        (Endpoint("/", Ticker, within="data", sole=True), {"data": [ROW]}),
    ],
    ids=["bare", "wrapped", "twice", "of one"],
)
def test_an_envelope_is_unwrapped(endpoint: Endpoint[Ticker], answer: Any) -> None:
    assert endpoint.decode(msgspec.json.encode(answer)) == TICKER


@pytest.mark.parametrize(
    ("endpoint", "answer", "path"),
    [
        (Endpoint("/", Ticker, within="result.row"), {"result": {"rows": ROW}}, r"`\$\.result`"),
        (Endpoint("/", Ticker, within="data", sole=True), {"data": []}, r"`\$\.data`"),
        (Endpoint("/", Ticker, within="data", sole=True), {"data": [ROW, ROW]}, r"`\$\.data`"),
        (Endpoint("/", Ticker, within="data"), {"data": {"symbol": "BTC"}}, r"`\$\.data`"),
    ],
)
def test_a_broken_envelope_says_where(endpoint: Endpoint[Ticker], answer: Any, path: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=path):
        endpoint.decode(msgspec.json.encode(answer))


BESIDE = ErrorCodes("code", "msg", success=0, meanings={7: RateLimitedError})
INSIDE = ErrorCodes(
    "code", "message", within="error", details="data", symbol_spelled="instrument", meanings={}
)


@pytest.mark.parametrize(
    ("codes", "status", "answer", "kind"),
    [
        (BESIDE, 200, {"code": 0, "data": []}, None),
        (BESIDE, 200, {"code": 7}, RateLimitedError),
        (BESIDE, 200, {"data": []}, ContractError),
        (BESIDE, 200, {"code": {}, "data": []}, ContractError),
        (BESIDE, 502, {"data": []}, None),
        (INSIDE, 200, {"result": []}, None),
        (INSIDE, 200, {"error": {"code": 7}}, RequestError),
        (INSIDE, 400, {"error": {"code": 7, "data": {"param": "Instrument"}}}, UnknownSymbolError),
    ],
)
def test_codes_tell_refusals(
    codes: ErrorCodes, status: int, answer: Any, kind: type[VenueError] | None
) -> None:
    refusal = codes(status, msgspec.json.encode(answer))
    assert (refusal and refusal.kind) == kind
