"""An answer that still holds is told without a task: as on the long way, and to nobody else."""

import re
import socket

import pytest

from funding_platform_tests.service.server import Served


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
