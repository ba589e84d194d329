"""Every fault as a client sees it, and when it strikes."""

import json
import socket
import time
from typing import Any

import httpx
import pytest

from funding_platform.sandbox.damage import spoil
from funding_platform.sandbox.errors import SandboxError
from funding_platform.sandbox.faults import (
    Body,
    Connection,
    FaultPlan,
    FieldFault,
    Latency,
    Rows,
    Status,
    parse_faults,
)
from funding_platform.sandbox.server import RunningSandbox

PATH = "/binance/fapi/v1/fundingRate?symbol=BTCUSDT&limit=10"


@pytest.mark.parametrize("status", [403, 418, 429, 500, 503])
def test_status_with_retry_after(
    sandbox: RunningSandbox, client: httpx.Client, status: int
) -> None:
    sandbox.inject(Status(venue="binance", status=status, retry_after=7))
    reply = client.get(PATH)
    assert (reply.status_code, reply.headers["Retry-After"]) == (status, "7")


def test_reset(sandbox: RunningSandbox, client: httpx.Client) -> None:
    """The very error of a peer that vanished: RST, not an orderly end."""
    sandbox.inject(Connection(action="reset", venue="binance"))
    host, port = sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as plain:
        plain.sendall(f"GET {PATH} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        with pytest.raises(ConnectionResetError):
            plain.recv(1)
    with pytest.raises(httpx.NetworkError):
        client.get(PATH)


def test_hang(sandbox: RunningSandbox, client: httpx.Client) -> None:
    sandbox.inject(Connection(action="hang", venue="binance", count=1))
    with pytest.raises(httpx.ReadTimeout):
        client.get(PATH, timeout=httpx.Timeout(60, read=0.2))
    assert client.get(PATH).status_code == 200


def test_latency_delays_at_least_that_long(sandbox: RunningSandbox, client: httpx.Client) -> None:
    sandbox.inject(Latency(seconds=0.1, up_to_seconds=0.15, venue="binance"))
    started = time.monotonic()
    assert client.get(PATH).status_code == 200
    assert time.monotonic() - started >= 0.1


@pytest.mark.parametrize("action", ["truncate", "malform", "html"])
def test_bodies_that_are_no_json(
    sandbox: RunningSandbox, client: httpx.Client, action: Any
) -> None:
    sandbox.inject(Body(action=action, venue="binance"))
    reply = client.get(PATH)
    assert reply.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        reply.json()
    assert ("html" in reply.headers["content-type"]) == (action == "html")


@pytest.mark.parametrize(
    ("action", "expected"),
    [("rename", {"fundingRateRenamed"}), ("drop", set()), ("null", {"fundingRate"})],
)
def test_fields(
    sandbox: RunningSandbox, client: httpx.Client, action: Any, expected: set[str]
) -> None:
    intact = client.get(PATH).json()
    sandbox.inject(FieldFault(action=action, field="fundingRate", venue="binance"))
    for spoilt, row in zip(client.get(PATH).json(), intact, strict=True):
        assert spoilt.keys() == (row.keys() - {"fundingRate"}) | expected
        assert spoilt.get("fundingRate") is None


def test_mistyped_fields_change_their_type(sandbox: RunningSandbox, client: httpx.Client) -> None:
    sandbox.inject(
        FieldFault(action="mistype", field="fundingTime", venue="binance"),
        FieldFault(action="mistype", field="fundingRate", venue="binance"),
    )
    row = client.get(PATH).json()[0]
    assert isinstance(row["fundingTime"], str)
    assert isinstance(row["fundingRate"], dict)


@pytest.mark.parametrize(
    ("action", "value", "spoilt"),
    [
        ("nan", "0.0001", "NaN"),
        ("hundredfold", "0.00010000", "0.01000000"),
        ("hundredfold", 8, 800),
        ("hundredfold", 1e-5, 1e-3),
        ("hundredfold", "", ""),
        ("hundredfold", None, None),
        ("negate", "-0.5", "0.5"),
        ("negate", 0.25, -0.25),
        ("negate", True, True),
        ("negate", "long", "short"),
        ("shift_time", 1_772_323_200, 1_772_352_000),
        ("shift_time", "1772323200000", "1772352000000"),
        ("shift_time", "1772323200000000000", "1772352000000000000"),
        ("shift_time", 0, 0),
        ("shift_time", "2026-03-01T00:00:00", "2026-03-01T08:00:00"),
        ("shift_time", "BTCUSDT", "BTCUSDT"),
        ("rescale_time", 1_772_323_200, 1_772_323_200_000),
        ("rescale_time", 1_772_323_200_007, 1_772_323_200),
        ("rescale_time", "1772323200000000000", "1772323200000"),
        ("rescale_time", "2026-03-01T00:00:00", 1_772_323_200_000),
    ],
)
def test_values_change_and_their_types_stay(action: Any, value: Any, spoilt: Any) -> None:
    fault = FieldFault(action=action, field="x")
    body = json.dumps({"rows": [{"x": value, "y": value}]}).encode()
    assert json.loads(spoil(body, fault)) == {"rows": [{"x": spoilt, "y": value}]}


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        (PATH, lambda document: document),
        (
            "/bybit/v5/market/funding/history?category=linear&symbol=BTCUSDT&limit=10",
            lambda document: document["result"]["list"],
        ),
        (
            "/okx/api/v5/public/funding-rate-history?instId=BTC-USDT-SWAP&limit=10",
            lambda document: document["data"],
        ),
    ],
)
def test_rows(sandbox: RunningSandbox, client: httpx.Client, path: str, rows: Any) -> None:
    intact = rows(client.get(path).json())
    for fault, expected in (
        (Rows(action="duplicate", rows=2, count=1), intact + intact[-2:]),
        (Rows(action="reverse", count=1), intact[::-1]),
        (Rows(action="drop_tail", rows=3, count=1), intact[:-3]),
    ):
        sandbox.inject(fault)
        assert rows(client.get(path).json()) == expected
    assert rows(client.get(path).json()) == intact


def test_a_field_fault_leaves_plain_text_alone(
    sandbox: RunningSandbox, client: httpx.Client
) -> None:
    sandbox.inject(FieldFault(action="drop", field="code"), Rows(action="reverse"))
    reply = client.post("/hyperliquid/info", json={"type": "unheardOf"})
    assert (reply.status_code, reply.text[:6]) == (422, "Failed")


def test_a_fault_strikes_only_where_it_is_told_to(
    sandbox: RunningSandbox, client: httpx.Client
) -> None:
    sandbox.inject(Status(venue="hyperliquid", path="/info#fundingHistory", status=500, count=2))
    history = {"type": "fundingHistory", "coin": "BTC", "startTime": 0}
    post = [client.post("/hyperliquid/info", json=history).status_code for _ in range(3)]
    assert post == [500, 500, 200]
    sandbox.inject(Status(venue="hyperliquid", path="/info#fundingHistory", status=500))
    assert client.post("/hyperliquid/info", json={"type": "meta"}).status_code == 200
    assert client.get(PATH).status_code == 200


def test_chances_are_seeded() -> None:
    def struck(seed: int) -> list[bool]:
        plan = FaultPlan()
        plan.add([Status(status=500, probability=0.3, seed=seed)])
        return [bool(plan.strike("okx", "/x")) for _ in range(200)]

    assert struck(1) == struck(1) != struck(2)
    assert 30 < sum(struck(1)) < 90


def test_faults_of_one_seed_do_not_strike_in_step() -> None:
    plan = FaultPlan()
    plan.add([Status(status=500, probability=0.5), Status(status=429, probability=0.5)])
    assert {len(plan.strike("okx", "/x")) for _ in range(100)} == {0, 1, 2}


def test_control_lists_adds_and_clears(sandbox: RunningSandbox, client: httpx.Client) -> None:
    document = [{"kind": "status", "status": 429, "venue": "okx", "count": 3}]
    added = client.post("/_control/faults", json=document)
    assert added.status_code == 200
    listed = client.get("/_control/faults").json()
    assert [{k: f[k] for k in document[0]} for f in listed] == document
    assert client.delete("/_control/faults").json() == []


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ('[{"kind": "status", "status": 200}]', "0.status.status: input should be greater than"),
        (
            '[{"kind": "status", "status": 429, "venu": "okx"}]',
            "0.status.venu: there is no such field",
        ),
        ('[{"kind": "earthquake"}]', "does not match any of the expected tags"),
        ('[{"kind": "latency", "seconds": 2, "up_to_seconds": 1}]', "lies below seconds"),
        ("[", "invalid JSON"),
    ],
)
def test_a_wrong_fault_is_explained(client: httpx.Client, document: str, complaint: str) -> None:
    with pytest.raises(SandboxError, match="not a list of faults"):
        parse_faults(document)
    reply = client.post("/_control/faults", content=document)
    assert reply.status_code == 400
    assert complaint in reply.json()["error"]
    assert client.get("/_control/faults").json() == []
