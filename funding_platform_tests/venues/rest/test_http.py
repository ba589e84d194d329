"""The client against a server that misbehaves, over a real socket."""

import asyncio
import logging
import time
from email.utils import formatdate
from typing import Any

import pytest

from funding_platform.settings import Settings
from funding_platform.venues.adapters.binance.rest import EXCHANGE_INFO, FUNDING_INFO
from funding_platform.venues.adapters.bybit.rest import TICKERS
from funding_platform.venues.adapters.hyperliquid.rest import HISTORY as HYPERLIQUID_HISTORY
from funding_platform.venues.adapters.okx.rest import OPEN_INTEREST
from funding_platform.venues.errors import (
    BannedError,
    ConnectionFailedError,
    ContractError,
    RateLimitedError,
    RedirectError,
    RequestError,
    ServerError,
    TooLargeError,
    UndecodableError,
    UnknownSymbolError,
    VenueError,
    VenueTimeoutError,
)
from funding_platform.venues.registry import open_venue
from funding_platform.venues.rest import http, retries
from funding_platform.venues.rest.endpoints import Endpoint
from funding_platform.venues.rest.limits import Limiter
from funding_platform.venues.rest.retries import ATTEMPTS
from funding_platform.venues.rest.stats import Stats
from funding_platform_tests.venues.server import Answer, Router, serve

GOOD = Answer([{"symbol": "BTCUSDT", "fundingIntervalHours": 8}])
PATH = "/fapi/v1/fundingInfo"


def ask(
    answers: Answer | list[Answer],
    settings: Settings,
    *,
    venue: str = "binance",
    endpoint: Endpoint[Any] = FUNDING_INFO,
    prefix: str = "",
) -> tuple[Any, Router, Stats]:
    """One call to one endpoint: its answer or its error, and what the server and client saw."""

    async def run() -> tuple[Any, Router, Stats]:
        async with (
            serve({prefix + endpoint.path: answers}) as router,
            open_venue(venue, router.url + prefix, settings=settings) as client,
        ):
            try:
                return await client.fetch(endpoint), router, client.stats
            except VenueError as error:
                return error, router, client.stats

    return asyncio.run(run())


@pytest.mark.parametrize("prefix", ["", "/binance", "/a/b"])
def test_a_good_answer_is_decoded(settings: Settings, prefix: str) -> None:
    rows, router, stats = ask(GOOD, settings, prefix=prefix)
    assert [(row.venue_symbol, row.interval_hours) for row in rows] == [("BTCUSDT", 8.0)]
    assert router.requests[0].headers["user-agent"] == http.USER_AGENT
    assert (stats.requests, stats.retries) == (1, 0)
    assert stats.mean_latency_ms is not None
    assert stats.mean_latency_ms > 0


TRANSIENT = {
    "server error": (Answer(b"", 500), ServerError),
    "a status above all": (Answer(b"{}", 999), ServerError),
    "bad gateway page": (Answer(b"<html>Bad gateway</html>", 502), ServerError),
    "rate limit": (Answer(b"", 429), RateLimitedError),
    "rate limit, with a wait": (Answer(b"", 429, {"Retry-After": "0"}), RateLimitedError),
    "reset": (Answer(fault="reset"), ConnectionFailedError),
    "cut off": (Answer(GOOD.body, fault="cut"), ConnectionFailedError),
    "HTML with 200": (Answer(b"<!doctype html><title>maintenance</title>"), UndecodableError),
    "empty body": (Answer(b""), UndecodableError),
    "JSON cut short": (Answer(GOOD.content[:-4]), UndecodableError),
    "wrong, then cut short": (Answer(b'[{"symbol":1,"fundingInt'), UndecodableError),
    "no gzip after all": (Answer(b"[]", headers={"Content-Encoding": "gzip"}), UndecodableError),
}


@pytest.mark.parametrize("case", TRANSIENT)
def test_a_passing_fault_is_tried_again(settings: Settings, case: str) -> None:
    fault, _ = TRANSIENT[case]
    rows, router, stats = ask([fault, fault, GOOD], settings)
    assert len(rows) == 1
    assert len(router.requests) == 3
    assert stats.retries == 2


@pytest.mark.parametrize("case", TRANSIENT)
def test_a_fault_that_stays_ends_with_its_own_error(settings: Settings, case: str) -> None:
    fault, kind = TRANSIENT[case]
    error, router, _ = ask(fault, settings)
    assert type(error) is kind
    assert error.retryable
    assert len(router.requests) == ATTEMPTS
    assert (error.venue, error.endpoint) == ("binance", router.url + PATH)


def test_a_retry_is_one_line_in_the_log_and_none_on_the_terminal(
    settings: Settings, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    retries.log_retries()
    ask([Answer(b"", 500), GOOD], settings)
    assert capfd.readouterr() == ("", "")
    caplog.set_level(logging.INFO, "funding_platform")
    _, router, stats = ask([Answer(b"", 500), GOOD], settings)
    (line,) = (one.getMessage() for one in caplog.records if one.name == retries.__name__)
    failed = f"binance {router.url}{PATH}: HTTP 500, a fault of the venue"
    assert line == f"{failed}; try 2 follows in 0.0 s"
    assert stats.retries == 1


FINAL: dict[str, tuple[Answer, type[VenueError], str]] = {
    "banned": (Answer({"code": -1003, "msg": "way too many"}, 418), BannedError, "way too many"),
    "forbidden": (Answer(b"<html>WAF</html>", 403), BannedError, "forbidden"),
    "wrong region": (Answer(b"", 451), BannedError, "region"),
    "bad request": (Answer({"code": -1100, "msg": "illegal"}, 400), RequestError, "illegal"),
    "bad symbol": (
        Answer({"code": -1121, "msg": "Invalid symbol."}, 400),
        UnknownSymbolError,
        "Invalid symbol",
    ),
    "not found": (Answer(b"nothing here", 404), RequestError, "404"),
    "redirect": (
        Answer(b"", 302, {"Location": "http://elsewhere.invalid/"}),
        RedirectError,
        "elsewhere",
    ),
    "long ban by another name": (Answer(b"", 429, {"Retry-After": "86400"}), RateLimitedError, ""),
    "until a date": (
        Answer(b"", 429, {"Retry-After": formatdate(4_102_444_800)}),
        RateLimitedError,
        "",
    ),
}


@pytest.mark.parametrize("case", FINAL)
def test_what_no_rerun_changes_is_not_tried_again(settings: Settings, case: str) -> None:
    answer, kind, said = FINAL[case]
    error, router, _ = ask(answer, settings)
    assert type(error) is kind
    assert said in str(error)
    assert len(router.requests) == 1


def row(**changes: Any) -> bytes:
    fields = {"symbol": "BTCUSDT", "fundingIntervalHours": 8} | changes
    return Answer([{name: value for name, value in fields.items() if value != "drop"}]).content


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (row(fundingIntervalHours="drop"), "$[0]"),
        (row(fundingIntervalHours="drop", intervalHours=8), "$[0]"),
        (row(fundingIntervalHours=None), "$[0].fundingIntervalHours"),
        (row(fundingIntervalHours="eight"), "$[0].fundingIntervalHours"),
        (row(fundingIntervalHours="NaN"), "$[0].fundingIntervalHours"),
        (row(fundingIntervalHours="Infinity"), "$[0].fundingIntervalHours"),
        (row(fundingIntervalHours=True), "$[0].fundingIntervalHours"),
        (row(fundingIntervalHours=[8]), "$[0].fundingIntervalHours"),
        (row(symbol=1), "$[0].symbol"),
        (b'{"symbol": "BTCUSDT", "fundingIntervalHours": 8}', "$"),
        (b"null", "$"),
    ],
)
def test_a_broken_contract_names_the_path_and_shows_the_body(
    settings: Settings, body: bytes, path: str
) -> None:
    error, router, _ = ask(Answer(body), settings)
    assert type(error) is ContractError
    assert error.path == path
    assert error.payload == body.decode()
    assert len(router.requests) == 1


@pytest.mark.parametrize(
    ("venue", "endpoint", "answer", "kind"),
    [
        ("bybit", TICKERS, Answer({"retCode": 10006, "retMsg": "Too many"}), RateLimitedError),
        ("bybit", TICKERS, Answer({"retCode": 10016, "retMsg": "busy"}), ServerError),
        ("bybit", TICKERS, Answer({"retCode": 10001, "retMsg": "bad limit"}), RequestError),
        (
            "bybit",
            TICKERS,
            Answer({"retCode": 10001, "retMsg": "params error: Symbol Is Invalid", "result": {}}),
            UnknownSymbolError,
        ),
        ("bybit", TICKERS, Answer({"result": {"list": []}}), ContractError),
        ("okx", OPEN_INTEREST, Answer({"code": "50011", "data": [], "msg": ""}), RateLimitedError),
        ("okx", OPEN_INTEREST, Answer({"code": "50013", "data": []}), ServerError),
        ("okx", OPEN_INTEREST, Answer({"code": "51001", "data": []}), UnknownSymbolError),
        ("okx", OPEN_INTEREST, Answer({"code": "58000", "data": []}, 400), RequestError),
        ("okx", OPEN_INTEREST, Answer({"data": []}), ContractError),
        ("hyperliquid", HYPERLIQUID_HISTORY, Answer(b"null", 500), UnknownSymbolError),
        ("hyperliquid", HYPERLIQUID_HISTORY, Answer(b"null", 429), RateLimitedError),
        ("hyperliquid", HYPERLIQUID_HISTORY, Answer(b"Failed", 422), RequestError),
    ],
)
def test_error_codes_inside_bodies_have_their_meaning(
    settings: Settings, venue: str, endpoint: Endpoint[Any], answer: Answer, kind: type[VenueError]
) -> None:
    error, _, _ = ask(answer, settings, venue=venue, endpoint=endpoint)
    assert type(error) is kind


def test_a_drip_that_never_ends_is_cut_off(settings: Settings) -> None:
    answer = Answer(b" " * 60 + GOOD.content, fault="drip")
    hasty = settings.model_copy(update={"request_timeout_seconds": 0.5})
    error, router, _ = ask([answer, Answer(b"", 400)], hasty)
    assert type(error) is RequestError
    assert len(router.requests) == 2


def test_a_slow_venue_times_out(settings: Settings) -> None:
    patient = settings.model_copy(update={"request_timeout_seconds": 0.1})
    error, router, _ = ask(Answer(b" " * 60, fault="drip"), patient)
    assert type(error) is VenueTimeoutError
    assert len(router.requests) == ATTEMPTS


def test_a_body_without_end_is_not_read_to_the_end(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 100_000)
    error, _, _ = ask(Answer(b" " * 200_000), settings)
    assert type(error) is TooLargeError
    assert "100000 bytes" in str(error)


def test_nobody_listening(settings: Settings) -> None:
    async def run() -> None:
        async with open_venue("binance", "http://127.0.0.1:1", settings=settings) as venue:
            await venue.fetch(FUNDING_INFO)

    with pytest.raises(ConnectionFailedError, match="no connection"):
        asyncio.run(run())


def test_a_wait_that_the_venue_asks_for_holds_back_every_request(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a 429 with Retry-After, the other requests in flight wait as well."""
    told, pause = asyncio.Event(), Limiter.pause

    def heard(limiter: Limiter, *wait: Any) -> None:
        pause(limiter, *wait)
        told.set()

    monkeypatch.setattr(Limiter, "pause", heard)
    moments: list[float] = []
    answers = [Answer(b"", 429, {"Retry-After": "1"}), GOOD, GOOD]

    def handle(params: Any) -> Answer:
        moments.append(time.monotonic())
        return answers.pop(0)

    async def run() -> None:
        async with (
            serve({PATH: handle}) as router,
            open_venue("binance", router.url, settings=settings) as venue,
        ):
            first = asyncio.create_task(venue.fetch(FUNDING_INFO))
            await told.wait()
            await asyncio.gather(first, venue.fetch(FUNDING_INFO))

    asyncio.run(run())
    refused, *later = moments
    assert len(later) == 2
    assert min(later) - refused >= 0.9


def test_the_used_weight_header_slows_us_down(settings: Settings) -> None:
    """2,400 of 2,400 spent by somebody else: the next request waits for the window to pass."""
    spent = Answer({"symbols": []}, headers={"X-MBX-USED-WEIGHT-1M": "2400"})

    async def run() -> int:
        async with (
            serve({EXCHANGE_INFO.path: spent}) as router,
            open_venue("binance", router.url, settings=Settings()) as venue,
        ):
            await venue.fetch(EXCHANGE_INFO)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(venue.fetch(EXCHANGE_INFO), timeout=0.2)
            return len(router.requests)

    assert asyncio.run(run()) == 1
