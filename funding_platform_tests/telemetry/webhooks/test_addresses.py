"""Where webhooks may go: nowhere within, whatever a name says and whenever it says it."""

import asyncio
from ipaddress import ip_address

import pytest

from funding_platform.telemetry.alerts.errors import SinkError
from funding_platform.telemetry.webhooks.addresses import is_reachable_by_all, parsed, resolved
from funding_platform.telemetry.webhooks.errors import TargetError
from funding_platform.telemetry.webhooks.sending import Sender
from funding_platform_tests.service.webhooks.receiver import receiving
from funding_platform_tests.telemetry.webhooks.hooks import hook_to, message, naming

WITHIN = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
    *("100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "198.18.0.1"),
    *("::", "::1", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1"),
    *("::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:1:2:3:4:80ff:fffe"),
]


@pytest.mark.parametrize("address", WITHIN)
def test_addresses_of_machines_and_networks_are_refused(address: str) -> None:
    assert not is_reachable_by_all(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_addresses_of_the_internet_are_not(address: str) -> None:
    assert is_reachable_by_all(ip_address(address))


@pytest.mark.parametrize(
    "url",
    ["http://example.org/x", "ftp://example.org", "https://", "no", "https://a:b@example.org/x"],
)
def test_what_is_no_address_of_a_receiver_is_refused(url: str) -> None:
    with pytest.raises(TargetError, match="https://host/path"):
        parsed(url, private=False)


@pytest.mark.parametrize("url", ["https://127.0.0.1/x", "https://localhost/x", "https://[::1]/x"])
def test_a_name_that_leads_within_is_refused(url: str) -> None:
    with pytest.raises(TargetError, match="of this machine or its network"):
        asyncio.run(resolved(url, private=False))


def test_one_address_within_among_others_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    naming(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(TargetError, match=r"leads to 10\.0\.0\.1"):
        asyncio.run(resolved("https://two.example", private=False))


def test_a_name_that_is_rebound_after_it_was_looked_at_leads_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with receiving() as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        hook = hook_to(f"http://rebound.example:{port}/x")
        asked = naming(monkeypatch, ["127.0.0.1"], ["192.0.2.1"])
        asyncio.run(Sender(private=True).send(hook, message()))
    (post,) = receiver.posts
    assert asked == ["rebound.example"], "the name was asked once, and its address connected to"
    assert post.headers["host"] == f"rebound.example:{port}"


def test_what_leads_within_is_not_sent_though_it_was_allowed_when_it_was_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    naming(monkeypatch, ["127.0.0.1"])
    with pytest.raises(SinkError, match="of this machine or its network") as refused:
        asyncio.run(Sender(private=False).send(hook_to("https://a.example/canary"), message()))
    assert "canary" not in str(refused.value)


def test_a_redirect_is_a_refusal_and_is_not_followed() -> None:
    with receiving() as receiver, receiving() as other:
        receiver.status, receiver.location = 307, other.url
        with pytest.raises(SinkError, match="status 307"):
            asyncio.run(Sender(private=True).send(hook_to(receiver.url), message()))
    assert (len(receiver.posts), len(other.posts)) == (1, 0)
