"""A PostgreSQL server from Debian's packages, on loopback, for as long as the tests run."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

_ACCOUNT = "postgres" if os.geteuid() == 0 else None
"""Debian's package makes it; the server refuses to run as root."""


def programs() -> Path:
    """Return the folder of the newest server that is installed, or skip."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: float(one.parts[4])
    )
    if not found:
        pytest.skip("needs a PostgreSQL server: `make postgres`")
    pytest.importorskip("psycopg2", reason="needs the extra `postgres`")
    return found[-1].parent


@contextmanager
def running() -> Iterator[str]:
    """Run a server; gives the URL of its database ``postgres``."""
    binaries = programs()
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        if _ACCOUNT:
            shutil.chown(folder, _ACCOUNT)
        port = free_port()
        data = folder / "data"
        _run(
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "tester",
            "--auth=trust",
            "-E",
            "UTF8",
            "--no-sync",
        )
        settings = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -c lc_messages=C "
            f"-c max_connections=300 -k {folder}"
        )
        control = (binaries / "pg_ctl", "-D", data, "-w")
        _run(*control, "-l", folder / "log", "-o", settings, "start")
        try:
            yield f"postgresql+psycopg2://tester@127.0.0.1:{port}/postgres"
        finally:
            _run(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def create_database(server: str, name: str, template: str = "template1") -> str:
    """Make a database, as a copy of another; return its URL."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    engine.dispose()
    return f"{server.rpartition('/')[0]}/{name}"


def _run(*command: object) -> None:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    done = subprocess.run(
        [str(part) for part in command],
        user=_ACCOUNT,
        group=pwd.getpwnam(_ACCOUNT).pw_gid if _ACCOUNT else None,
        extra_groups=[] if _ACCOUNT else None,
        env=environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def free_port() -> int:
    """Return a port of loopback that nothing listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
