"""A ``funding`` that is forked, not started: for the dozens of commands that the documents show.

A command that is started spends most of its CPU time on imports. Here one process imports the
package once and forks for every command, which then has what a started one has: its arguments,
folder, environment, standard streams and status. ``forked_funding`` yields a
folder for the front of ``PATH``; the ``funding`` in it is a few lines of Python without
site-packages, which hand all that over a Unix socket and end with the status that comes back.
``forked_program`` does that for any program: see ``dbt.forked``.

What Dagster runs is not for it (``funding demo``, ``funding dev``): those start processes anyway.
"""

import atexit
import gc
import importlib
import marshal
import os
import pkgutil
import select
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

import funding_platform
from funding_platform.cli import main as funding

CLIENT = """\
#!{python} -IS
import marshal, os, socket, sys

with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [b"c"], [0, 1, 2])
    server.sendall(marshal.dumps((sys.argv, os.getcwd(), dict(os.environ))))
    server.shutdown(socket.SHUT_WR)
    status = server.recv(1)
sys.exit(status[0] if status else "the process that forks commands was lost")
"""

WITHOUT_DAGSTER = (
    "arbitrage",
    "backtest",
    "commands",
    "curves",
    "flows",
    "lake",
    "venues",
    "views",
)
"""The packages that commands import from."""


Program = Callable[[], object]


class Command(NamedTuple):
    """What the shell has started."""

    arguments: list[str]
    folder: str
    environment: dict[str, str]


def forked_funding(environment: Mapping[str, str]) -> AbstractContextManager[Path]:
    """Yield a folder with a ``funding`` of which each run is forked from one process."""
    return forked_program("funding", __name__, environment)


@contextmanager
def forked_program(name: str, module: str, environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield a folder with a program of which each run is forked from one process.

    Parameters
    ----------
    module
        What that process runs, given the number of the socket that it is to ``serve``.
    environment
        Of the process that forks: what decides at import, such as the number of threads.
    """
    with (
        tempfile.TemporaryDirectory(prefix="funding-") as folder,  # short, as a socket's name is
        socket.socket(socket.AF_UNIX) as listening,
    ):
        address = f"{folder}/commands"
        listening.bind(address)
        listening.listen()
        program = Path(folder) / name
        program.write_text(CLIENT.format(python=sys.executable, address=address))
        program.chmod(0o755)
        server = subprocess.Popen(
            [sys.executable, "-m", module, str(listening.fileno())],
            cwd=Path(__file__).parents[1],
            env={**environment},
            stdin=subprocess.PIPE,  # at its end when this process is: the server's sign to end
            stdout=subprocess.DEVNULL,
            pass_fds=[listening.fileno()],
        )
        listening.close()  # so that whoever asks a server that has died is told
        with server:
            yield Path(folder)


def import_everything() -> None:
    """Import what commands do, and pandas, which DuckDB looks for when it binds a value."""
    for name in WITHOUT_DAGSTER:
        package = importlib.import_module(f"{funding_platform.__name__}.{name}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    importlib.import_module("pandas")


def refuse_polars_at_work() -> None:
    """Refuse to fork a process in which Polars has threads.

    Raises
    ------
    RuntimeError
        If it has computed already: a fork would wait for threads that it does not have.
    """
    threads = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    if "polars-0" in threads:
        raise RuntimeError(f"a module computes with Polars when it is imported: {threads}")


def serve(listening: socket.socket, program: Program) -> None:
    """Fork for each command; return when the process that wanted them is at its end.

    Parameters
    ----------
    program
        What a fork runs, with ``sys.argv`` and all else as it was asked for.
    """
    refuse_polars_at_work()
    gc.freeze()  # no collection in a child copies what all have in common
    while True:
        ready, _, _ = select.select([listening, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            _have_run(connection, program)
        connection.close()
        with suppress(ChildProcessError):  # there is none
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass  # the CPU time of what has ended counts as ours


def _have_run(connection: socket.socket, program: Program) -> NoReturn:
    """Fork once more: one process is the command, the other waits for it and tells its status."""
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    command = os.fork()
    if command == 0:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        with connection, connection.makefile("rb") as request:
            sent = Command(*marshal.loads(request.read()))
        _run(sent, program)
    for stream in streams:
        os.close(stream)  # a pipe ends with the command that writes to it
    _, ended = os.waitpid(command, 0)
    code = os.waitstatus_to_exitcode(ended)
    connection.send(bytes([code if code >= 0 else 128 - code]))  # a signal, as shells have it
    os._exit(0)


def _run(command: Command, program: Program) -> NoReturn:
    """Run a command to its end, but for the destructors: they look for threads of the server."""
    os.chdir(command.folder)
    os.environ.clear()
    os.environ.update(command.environment)
    time.tzset()
    sys.argv = command.arguments
    status = 1
    try:
        program()
    except SystemExit as ended:
        status = int(ended.code or 0)
    except BaseException:  # noqa: BLE001 - what the interpreter would print at the end of a process
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)


def main() -> None:
    """Serve the socket whose descriptor is the argument."""
    import_everything()
    serve(socket.socket(fileno=int(sys.argv[1])), lambda: funding(prog_name="funding"))


if __name__ == "__main__":
    main()
