"""Over TLS: the receiver has to prove the name, though the address is what is connected to."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from funding_platform.telemetry.alerts.errors import SinkError
from funding_platform.telemetry.webhooks.sending import Sender
from funding_platform_tests.service.webhooks.receiver import receiving
from funding_platform_tests.telemetry.webhooks.hooks import hook_to, message, naming

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl")

NAME = "hooks.example"


def certificate(folder: Path, proves: str) -> tuple[Path, Path]:
    """A certificate of an authority of our own, and its key."""
    of, key = folder / "authority.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=receiver", "-addext", f"subjectAltName={proves}"),
            *("-keyout", str(key), "-out", str(of)),
        ],
        check=True,
        capture_output=True,
    )
    return of, key


def proving(of: Path, key: Path, asked: Callable[[str | None], None]) -> ssl.SSLContext:
    """What a receiver proves itself with, and what it is told of the name that is meant."""
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(of, key)
    served.sni_callback = lambda _socket, name, _context: asked(name)
    return served


def test_the_name_is_verified_and_the_address_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of, key = certificate(tmp_path, f"DNS:{NAME}")
    named: list[str | None] = []
    naming(monkeypatch, ["127.0.0.1"], ["192.0.2.1"])
    with receiving(proving(of, key, named.append)) as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        sender = Sender(private=True, tls=ssl.create_default_context(cafile=of))
        asyncio.run(sender.send(hook_to(f"https://{NAME}:{port}/x"), message()))
    (post,) = receiver.posts
    assert named == [NAME]
    assert post.headers["host"] == f"{NAME}:{port}"


@pytest.mark.parametrize("proves", ["DNS:other.example", "IP:127.0.0.1"])
def test_who_does_not_prove_the_name_is_told_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proves: str
) -> None:
    of, key = certificate(tmp_path, proves)
    naming(monkeypatch, ["127.0.0.1"])
    with receiving(proving(of, key, lambda _name: None)) as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        sender = Sender(private=True, tls=ssl.create_default_context(cafile=of))
        with pytest.raises(SinkError, match="ConnectError"):
            asyncio.run(sender.send(hook_to(f"https://{NAME}:{port}/canary"), message()))
    assert receiver.posts == []


def test_an_authority_that_nobody_knows_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of, key = certificate(tmp_path, f"DNS:{NAME}")
    naming(monkeypatch, ["127.0.0.1"])
    with receiving(proving(of, key, lambda _name: None)) as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        with pytest.raises(SinkError, match="ConnectError"):
            asyncio.run(Sender(private=True).send(hook_to(f"https://{NAME}:{port}/x"), message()))
    assert receiver.posts == []
