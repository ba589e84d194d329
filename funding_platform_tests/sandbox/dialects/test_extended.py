"""Extended: addresses instead of subscriptions, and numbered messages."""

import pytest
from websockets.exceptions import InvalidStatus

from funding_platform.sandbox.server import RunningSandbox
from funding_platform_tests.sandbox.dialects.hearing import NOW_MS
from funding_platform_tests.sandbox.listening import listening


def test_the_address_is_the_subscription_and_messages_are_numbered(
    streaming: RunningSandbox,
) -> None:
    with listening(streaming, "extended", "/prices/mark") as client:
        said = [client.document() for _ in range(5)]
    assert [message["seq"] for message in said] == [1, 2, 3, 4, 5]
    assert {(message["type"], message["data"]["ts"]) for message in said} == {("MP", 0)}
    assert all(message["ts"] >= NOW_MS for message in said)


def test_a_book_is_one_level_deep_and_whole(streaming: RunningSandbox) -> None:
    with listening(streaming, "extended", "/orderbooks?depth=1") as client:
        data = client.document()["data"]
    assert (data["t"], len(data["b"]), len(data["a"])) == ("SNAPSHOT", 1, 1)
    assert "c" not in data["b"][0]


def test_a_client_without_a_name_is_turned_away(streaming: RunningSandbox) -> None:
    with (
        pytest.raises(InvalidStatus, match="403"),
        listening(streaming, "extended", "/prices/mark", user_agent_header=None),
    ):
        pass
