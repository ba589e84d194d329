"""PostgreSQL, Redis and S3 for tests: started by the package's own code, or skipped."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import pytest

from funding_platform.local.cluster.servers import Server, ServerMissingError, running

S = TypeVar("S", bound=Server)


@contextmanager
def started(kind: type[S]) -> Iterator[S]:
    """Run a server for as long as the context lasts; skip where it is not installed."""
    with ExitStack() as stack:
        try:
            (server,) = stack.enter_context(running(kind))
        except ServerMissingError as error:
            pytest.skip(str(error))
        assert isinstance(server, kind)
        yield server
