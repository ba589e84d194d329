"""Where a webhook may go: to addresses that everybody can reach, and to no service of this network.

A name is resolved here, each time, and what is connected to is the address that was looked at, so
that a name which leads elsewhere a moment later leads nowhere.
"""

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

import httpx

from funding_platform.telemetry.webhooks.errors import TargetError

_ALLOW: Final = "FUNDING_SERVICE_WEBHOOK_PRIVATE=1 allows them, on a network where all are trusted"

_TRANSLATED: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"""NAT64: the last four bytes are an IPv4 address, which may be a private one."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect.

    Parameters
    ----------
    url
        As it was given: its host is named to the receiver, and in the handshake of TLS.
    address
        What its host resolved to.
    """

    url: httpx.URL
    address: str


def parsed(url: str, *, private: bool) -> httpx.URL:
    """Read an address.

    Parameters
    ----------
    private
        Whether addresses of this network are allowed, and with them ``http``.

    Raises
    ------
    TargetError
        If it is none that anything is sent to.
    """
    try:
        found = httpx.URL(url)
    except httpx.InvalidURL:
        found = httpx.URL("")
    schemes = ("https", "http") if private else ("https",)
    if found.scheme not in schemes or not found.host or found.userinfo or found.fragment:
        raise TargetError(
            "url: it is not https://host/path",
            hint=None if private else f"http is for addresses of this network: {_ALLOW}",
        )
    return found


async def resolved(url: str, *, private: bool) -> Target:
    """Find what to connect to.

    Raises
    ------
    TargetError
        If the host is not known, or any of its addresses is of this machine or this network.
    """
    found = parsed(url, private=private)
    port = found.port or (443 if found.scheme == "https" else 80)
    try:
        answers = await asyncio.get_running_loop().getaddrinfo(
            found.host, port, type=socket.SOCK_STREAM
        )
    except (OSError, UnicodeError):
        raise TargetError(f"url: {found.host} has no address") from None
    addresses = [str(answer[4][0]).partition("%")[0] for answer in answers]
    if not private:
        for address in addresses:
            _require_reachable_by_all(found.host, address)
    return Target(found, addresses[0])


def is_reachable_by_all(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address is of the internet, also where it holds one of the older kind."""
    inner = _inner(address)
    if inner is not None:
        return is_reachable_by_all(inner)
    local = isinstance(address, IPv6Address) and address.is_site_local
    return address.is_global and not (address.is_multicast or address.is_reserved or local)


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, IPv4Address):
        return None
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in _TRANSLATED):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _require_reachable_by_all(host: str, address: str) -> None:
    if not is_reachable_by_all(ip_address(address)):
        raise TargetError(
            f"url: {host} leads to {address}, which is of this machine or its network",
            hint=_ALLOW,
        )
