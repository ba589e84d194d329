"""An answer that still holds is told without a task: as on the long way, and to nobody else."""

import logging
import re
import socket
import time
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import psutil
import pytest

from funding_platform.flows.fees import NewFees, set_fees
from funding_platform.lake.writer import Lake
from funding_platform.service.access.keys import Rate, create_key
from funding_platform.settings import Settings
from funding_platform_tests.service.server import Served, served
from funding_platform_tests.waiting import until

FEES = "/api/v1/fees?venue=okx"


def test_what_still_holds_is_told_at_once_as_it_is_on_the_long_way(service: Served) -> None:
    path = "/api/v1/funding-rates?base=BTC"
    with service.client() as client:
        tag = {"If-None-Match": client.get(path).headers["etag"]}
        short = client.get(path, headers=tag)
        long = client.get(path, headers={**tag, "Cookie": "a=b"})  # of which there is more to say
        other = client.get(path, headers={"If-None-Match": 'W/"other"'})
    differ = {"x-request-id", "age", "date"}
    assert (short.status_code, short.content) == (304, b"")
    assert short.headers.keys() == long.headers.keys()
    assert {k: v for k, v in short.headers.items() if k not in differ} == {
        k: v for k, v in long.headers.items() if k not in differ
    }
    assert other.status_code == 200


def test_requests_sent_at_once_are_answered_in_their_order(service: Served) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    tag = service.get("/api/v1/venues").headers["etag"]
    plain = f"GET /api/v1/venues HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    again = f"GET /api/v1/venues HTTP/1.1\r\nHost: {host}\r\nIf-None-Match: {tag}\r\n\r\n".encode()
    last = plain.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with socket.create_connection((host, int(port))) as asking:
        asking.sendall(again + again + plain + again + last)
        told = b""
        while piece := asking.recv(65_536):
            told += piece
    assert re.findall(rb"HTTP/1\.1 (\d+)", told) == [b"304", b"304", b"200", b"304", b"200"]


@pytest.mark.parametrize(
    "header", [b"Host: elsewhere.example", b"Host: 127.0.0.1\r\nX-API-Key: no"]
)
def test_the_short_way_lets_in_nobody_else(service: Served, header: bytes) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    tag = service.get("/api/v1/venues").headers["etag"].encode()
    with socket.create_connection((host, int(port))) as asking:
        asking.sendall(
            b"GET /api/v1/venues HTTP/1.1\r\n%s\r\nIf-None-Match: %s\r\n\r\n" % (header, tag)
        )
        assert asking.recv(64).startswith((b"HTTP/1.1 401", b"HTTP/1.1 421"))


def news(service: Served, known: dict[str, str]) -> httpx.Response | None:
    """Return what is told of fees, where it is another answer than the known one."""
    response = service.get(FEES, headers=known)
    return response if response.status_code == 200 else None


def test_what_the_clock_changes_has_another_tag(own_lake: Settings) -> None:
    """Fees begin at an instant: no commit and no board tells of it."""
    for taker_bps, seconds in ((77.0, 3), (78.0, 15), (79.0, 75)):
        begins = datetime.now(UTC) + timedelta(seconds=seconds)
        new = NewFees("okx", "base", 1.0, taker_bps, effective_from=begins, note="announced")
        set_fees(own_lake, new, recorded_by="test", run_id="test")
        with served(own_lake) as service:
            first = service.get(FEES)
            known = {"If-None-Match": first.headers["etag"]}
            unchanged = service.get(FEES, headers=known)
            if datetime.now(UTC) >= begins:
                continue  # too slow to have asked before
            assert first.json()["data"][0]["taker_bps"] != taker_bps
            assert unchanged.status_code == 304
            again = until(partial(news, service, known), "the fee is seen")
            assert again.json()["data"][0]["taker_bps"] == taker_bps
            assert again.json()["snapshot"] == first.json()["snapshot"]
            return
    pytest.fail("whenever it was asked, the announced fee was in force")


def test_what_is_kept_is_sent_at_once_as_it_is_on_the_long_way(service: Served) -> None:
    path = "/api/v1/funding-rates?base=ETH"
    with service.client() as client:
        for encoding in ("gzip", "identity"):
            sent = {"Accept-Encoding": encoding}
            client.get(path, headers=sent)
            short = client.get(path, headers=sent)
            long = client.get(path, headers={**sent, "Cookie": "a=b"})
            assert short.headers.keys() == long.headers.keys()
            assert [short.headers[one] for one in KEPT] == [long.headers[one] for one in KEPT]
            assert short.json() == long.json()
            assert int(short.headers["age"]) >= 0


KEPT = ("etag", "content-type", "content-length", "vary", "cache-control", "funding-snapshot")


def test_head_tells_all_but_the_body(service: Served) -> None:
    with service.client() as client:
        for path in ("/api/v1/venues", "/healthz", "/", "/api/v1/none"):
            whole, head = client.get(path), client.head(path)
            assert head.status_code == whole.status_code
            assert head.content == b""
            assert head.headers["content-type"] == whole.headers["content-type"]
            assert head.headers["content-length"] == whole.headers["content-length"]
        assert client.head("/api/v1/stream").status_code == 405


def test_who_takes_nothing_is_waited_for_also_with_what_is_kept(service: Served) -> None:
    """Of thousands of requests sent at once no more is answered than the other side takes."""
    host, port = service.url.removeprefix("http://").split(":")
    one = f"GET /api/v1/opportunities?limit=2000 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    size = len(service.get("/api/v1/opportunities?limit=2000").content)
    before = psutil.Process().memory_info().rss
    with socket.create_connection((host, int(port)), timeout=2) as asking:
        try:
            for _ in range(3_000):
                asking.sendall(one)
        except TimeoutError:
            pass  # it reads no more of them, which is well too
        grown = psutil.Process().memory_info().rss - before
    assert grown < 50 * size + 100 * 2**20


def test_who_goes_with_requests_unanswered_is_no_fault(
    service: Served, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    for _ in range(20):
        with socket.create_connection((host, int(port)), timeout=60) as asking:
            asking.sendall(asked("/api/v1/opportunities?limit=2000") * 100)
            asking.recv(1)
        assert service.get("/api/v1/venues").status_code == 200
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def asked(path: str, *headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]
    return "\r\n".join(lines).encode()


def answer(connection: socket.socket) -> tuple[bytes, bytes]:
    """The head and the body of one answer."""
    told = b""
    while b"\r\n\r\n" not in told:
        told += connection.recv(65_536)
    head, _, body = told.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += connection.recv(65_536)
    return head, body


def test_the_same_once_more_is_answered_as_if_it_were_read(service: Served) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    one, other = asked("/api/v1/venues"), asked("/api/v1/venues/okx")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        told = []
        for request in (one, one, one, other, one, one, other, other, other, one):
            connection.sendall(request)
            told.append(answer(connection))
    assert len({re.findall(rb"x-request-id: (\w+)", head)[0] for head, _ in told}) == 10
    for which, (head, body) in zip("aaabaabbba", told, strict=True):
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert (b'"data":{"venue":"okx"' in body) == (which == "b"), "each has its own answer"


def test_a_body_that_looks_like_the_last_request_is_none(service: Served) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    one = asked("/api/v1/venues")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        for _ in range(4):
            connection.sendall(one)
            assert answer(connection)[0].startswith(b"HTTP/1.1 200")
        head = b"POST /api/v1/webhooks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(one))
        time.sleep(0.3)
        connection.sendall(one)
        assert answer(connection)[0].startswith(b"HTTP/1.1 4")
        connection.settimeout(1)
        with pytest.raises(TimeoutError):
            connection.recv(1)


@pytest.mark.world
def test_what_is_asked_again_and_again_counts_and_ends_with_its_version(own_lake: Settings) -> None:
    rate = Rate(5, 3_600.0)
    key, _ = create_key(own_lake.service_keys_file, name="desk", scope="read", rate=rate)
    one = asked("/api/v1/backtests?limit=7", f"X-API-Key: {key}")
    free = asked("/api/v1/backtests?limit=7")
    with served(own_lake) as service:
        host, port = service.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            statuses = []
            for _ in range(6):
                connection.sendall(one)
                statuses.append(answer(connection)[0].split()[1])
            assert statuses == [b"200"] * 5 + [b"429"]
            connection.sendall(free)
            first = answer(connection)[1]
            with Lake(own_lake) as lake, lake.commit("more", "none"):
                lake.connection.execute("DELETE FROM backtest.runs")
            until(lambda: answered_again(connection, free) != first, "the commit is seen")


def answered_again(connection: socket.socket, request: bytes) -> bytes:
    connection.sendall(request)
    return answer(connection)[1]
