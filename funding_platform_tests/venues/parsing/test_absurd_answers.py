"""Answers that no venue should send: each is a failure of that call, with a type and a reason."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from funding_platform.settings import Settings
from funding_platform.venues.adapters.binance.rest import EXCHANGE_INFO, FUNDING_INFO
from funding_platform.venues.adapters.bybit.rest import TICKERS
from funding_platform.venues.errors import (
    BannedError,
    ContractError,
    RateLimitedError,
    UndecodableError,
    UnexpectedError,
    VenueError,
)
from funding_platform.venues.registry import breaker_record
from funding_platform.venues.rest.endpoints import Endpoint
from funding_platform.venues.rest.retries import LONGEST_BAN_SECONDS
from funding_platform_tests.venues.rest.test_http import ask
from funding_platform_tests.venues.server import Answer

LONGER_THAN_ANY = [
    "999999999999999",
    "9" * 400,
    "1" + "0" * 5000,
    "1e400",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "Fri, 31 Dec 9999 23:59:59",
]
SENSELESS = [
    "-5", "soon", "", "NaN", "-Infinity", "0x10", "\xb2", "Fri, 99 Foo 2026 25:61:61 GMT",
    f"Fri, 31 Dec {'9' * 30} 23:59:59 GMT",
]  # fmt: skip


@pytest.mark.parametrize("status", [418, 429, 503])
@pytest.mark.parametrize("wait", LONGER_THAN_ANY)
def test_a_venue_is_left_alone_for_no_longer_than_a_ban_may_last(
    settings: Settings, status: int, wait: str
) -> None:
    error, router, _ = ask(Answer(b"", status, {"Retry-After": wait}), settings)
    assert isinstance(error, VenueError)
    assert error.retry_after is None or error.retry_after <= LONGEST_BAN_SECONDS
    record = breaker_record("binance", settings.model_copy(
        update={"venue_urls": {"binance": router.url}}
    ))  # fmt: skip
    if record.banned_until is not None:
        longest = datetime.now(UTC) + timedelta(seconds=LONGEST_BAN_SECONDS)
        assert record.banned_until <= longest


@pytest.mark.parametrize("wait", SENSELESS)
def test_a_wait_that_makes_no_sense_is_not_a_wait(settings: Settings, wait: str) -> None:
    error, _, _ = ask(Answer(b"", 429, {"Retry-After": wait}), settings)
    assert isinstance(error, RateLimitedError)
    assert error.retry_after is None
    error, _, _ = ask(Answer(b"", 418, {"Retry-After": wait}), settings)
    assert isinstance(error, BannedError)


@pytest.mark.parametrize("used", ["9" * 400, "999999999999999", "-1", "NaN"])
def test_a_count_beyond_the_budget_is_the_whole_budget(settings: Settings, used: str) -> None:
    good = Answer(
        [{"symbol": "BTCUSDT", "fundingIntervalHours": 8}], headers={"X-MBX-USED-WEIGHT-1M": used}
    )
    rows, _, _ = ask(good, settings)
    assert len(rows) == 1


DEEP = 200_000
NESTED: dict[str, Callable[[], bytes]] = {
    "lists": lambda: b"[" * DEEP + b"]" * DEEP,
    "objects": lambda: b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "a field that nobody reads": lambda: (
        b'[{"symbol":"A","fundingIntervalHours":8,"x":' + b"[" * DEEP + b"]" * DEEP + b"}]"
    ),
    "an error's message": lambda: (
        b'{"code":-1,"msg":' + b"[" * DEEP + b"]" * DEEP + b',"retCode":0}'
    ),
    "lists that never end": lambda: b"[" * DEEP,
}


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("case", NESTED)
@pytest.mark.parametrize(
    ("venue", "endpoint"), [("binance", FUNDING_INFO), ("bybit", TICKERS)], ids=str
)
def test_json_without_a_bottom_is_refused(
    settings: Settings, venue: str, endpoint: Endpoint[object], case: str, status: int
) -> None:
    error, _, _ = ask(Answer(NESTED[case](), status), settings, venue=venue, endpoint=endpoint)
    assert isinstance(error, VenueError)
    assert not isinstance(error, UnexpectedError)
    if status == 200:
        assert isinstance(error, ContractError | UndecodableError)


def test_what_a_message_quotes_is_cut_and_shown_as_text(settings: Settings) -> None:
    noise = "\x1b]0;owned\x07\x00\u202e" + "x" * 100_000
    answer = Answer({"code": -4, "msg": noise}, 400)
    error, _, _ = ask(answer, settings, endpoint=EXCHANGE_INFO)
    assert len(str(error)) < 2_000
    assert "\x1b" not in str(error)
    assert "\x00" not in str(error)
    assert "\u202e" not in str(error)
    redirect = Answer(b"", 302, {"Location": "https://e.example/" + "y" * 7_000})
    error, _, _ = ask(redirect, settings)
    assert len(str(error)) < 2_000
