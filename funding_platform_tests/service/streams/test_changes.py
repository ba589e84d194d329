"""What changes goes out in order and whole, as far as it is wanted."""

import json
import re
from typing import Any

import pytest
from starlette.routing import WebSocketRoute

from funding_platform.flows.live.latest import STRIPS
from funding_platform.flows.queries import latest_curves, open_lake
from funding_platform.service.streams import routes as streams
from funding_platform.service.streams.messages import CHANNELS
from funding_platform.settings import Settings
from funding_platform_tests.service.server import Served, hand_out, served
from funding_platform_tests.service.streams.listening import SUBSCRIBE, following, heard, rates
from funding_platform_tests.service.streams.messages import TYPES


def test_first_a_snapshot_then_what_changes(settings: Settings) -> None:
    with served(settings) as service, following(service) as opened:
        opened.send(json.dumps(SUBSCRIBE))
        assert heard(opened, "subscribed")["channels"] == ["funding_rates"]
        first = heard(opened, "snapshot")
        assert (first["source"], len(first["data"])) == ("live", 2)
        sequence = first["sequence"]
        for number in range(2, 5):
            hand_out(settings, number * 1e-4, version=number)
            step = heard(opened, "changes")
            assert step["sequence"] > sequence
            sequence = step["sequence"]
            assert [*rates(step).values()] == pytest.approx([number * 1e-4] * 2)
            assert step["removed"] == []
        opened.send(json.dumps({"type": "unsubscribe", "channels": ["funding_rates"]}))
        assert heard(opened, "subscribed")["channels"] == []


def test_only_what_passes_is_told(settings: Settings) -> None:
    hand_out(settings, 1e-4, symbols=3)
    wanted = {**SUBSCRIBE, "filters": {"venues": ["binance"], "bases": ["COIN1", "COIN2"]}}
    with served(settings) as service, following(service) as opened:
        opened.send(json.dumps(wanted))
        heard(opened, "subscribed")
        assert set(rates(heard(opened, "snapshot"))) == {
            ("binance", "COIN1"),
            ("binance", "COIN2"),
        }
        hand_out(settings, 2e-4, version=2, symbols=2)
        step = heard(opened, "changes")
        assert set(rates(step)) == {("binance", "COIN1")}
        assert step["removed"] == [["binance", "COIN2"]]


def test_what_is_no_request_is_answered_and_the_stream_goes_on(settings: Settings) -> None:
    with served(settings) as service, following(service) as opened:
        for said in ("", "[]", "{", '{"type": "subscribe"}', '{"type": "drop"}', b"\xff\xfe",
                     '{"type": "subscribe", "channels": ["everything"]}',
                     '{"type": "subscribe", "channels": ["events"], "filter": {}}'):  # fmt: skip
            opened.send(said)
            assert heard(opened, "error")["hint"]
        opened.send(json.dumps({**SUBSCRIBE, "channels": ["events"]}))
        assert heard(opened, "subscribed")["channels"] == ["events"]
        heard(opened, "snapshot")
        for _ in range(20):
            opened.send("{}")
        while "messages" not in heard(opened, "error")["detail"]:
            pass


def test_events_tell_of_venues_and_the_collector(settings: Settings) -> None:
    with served(settings) as service, following(service) as opened:
        opened.send(json.dumps({**SUBSCRIBE, "channels": ["events"]}))
        heard(opened, "subscribed")
        assert heard(opened, "snapshot")["data"] == []
        hand_out(settings, 1e-4, version=2, silent=True)
        (event,) = heard(opened, "changes")["data"]
        assert (event["kind"], event["venue"]) == ("venue_silent", "hyperliquid")
        hand_out(settings, 1e-4, version=3)
        (event,) = heard(opened, "changes")["data"]
        assert event["kind"] == "venue_back"


def test_named_streams_begin_by_themselves(settings: Settings) -> None:
    with served(settings) as service:
        with following(service, "/ws/funding-rates") as opened:
            assert heard(opened, "subscribed")["channels"] == ["funding_rates"]
            assert heard(opened, "snapshot")["channel"] == "funding_rates"
        with following(service, "/ws/opportunities") as opened:
            assert heard(opened, "subscribed")["channels"] == ["opportunities"]
            assert heard(opened, "snapshot")["data"] == []  # there is no lake, so no fees


def test_every_channel_tells_rows_as_they_are_declared(own_lake: Settings) -> None:
    """Of a whole lake and a board with curves; ``heard`` holds each message to the document."""
    with open_lake(own_lake) as lake:
        hand_out(own_lake, 1e-4, more={STRIPS: latest_curves(lake, "BTC")})
    with served(own_lake) as service, following(service) as opened:
        opened.send(json.dumps({**SUBSCRIBE, "channels": [*CHANNELS]}))
        heard(opened, "subscribed")
        told = {
            one["channel"]: one["data"] for one in (heard(opened, "snapshot") for _ in CHANNELS)
        }
    assert told.keys() == set(CHANNELS)
    assert all(rows for channel, rows in told.items() if channel != "events"), told.keys()


def test_the_document_has_every_address_and_message(service: Served) -> None:
    document = service.get("/api/v1/asyncapi.json").json()
    addresses = {channel["address"] for channel in document["channels"].values()}
    routes = {one.path for one in streams.router.routes if isinstance(one, WebSocketRoute)}
    assert addresses == {*routes, "/api/v1/stream"}
    assert document["components"]["messages"].keys() == TYPES
    used = re.findall(r'"#/([^"]+)"', json.dumps(document))
    for pointer in used:
        place: Any = document
        for part in pointer.split("/"):
            place = place[part]
    rows = document["components"]["schemas"]["Row_opportunities"]["properties"]
    assert rows["net_apr"]["description"].endswith("Unit: fraction per year.")
