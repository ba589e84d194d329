"""An S3 server on loopback: rclone's, over a folder, for as long as the tests run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from funding_platform.local.cluster.servers import ObjectStore
from funding_platform_tests.servers.local import started

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
    with started(ObjectStore) as server:
        server.bucket(BUCKET)
        yield S3Server(server.endpoint, server.key, server.secret, server.folder)
