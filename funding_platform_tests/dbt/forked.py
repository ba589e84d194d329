"""A ``dbt`` that is forked, not started, from a process that has parsed the project once.

A started dbt spends some six seconds of CPU time on its imports and on the code that it generates
from its own classes, whatever it then builds; a forked one has both.
"""

import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from funding_platform.lake.marts.dbt import dbt_process
from funding_platform_tests.prefork import forked_program, serve

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "dbt_project"
PARSED = "partial_parse.msgpack"
STARTED = (sys.executable, "-m", "dbt.cli.main")
TARGET, PARENT = "DBT_TARGET_PATH", "FUNDING_DBT_PARENT"

_command: ContextVar[Callable[[], tuple[str, ...]]] = ContextVar("command", default=lambda: STARTED)


def command() -> tuple[str, ...]:
    """Return the words that run dbt, to be followed by its arguments."""
    return _command.get()()


@contextmanager
def dbt_forked() -> Iterator[None]:
    """Have ``command`` fork, from a process that is started when it is first asked for."""
    with ExitStack() as stack:

        @cache
        def forked() -> tuple[str, ...]:
            folder = stack.enter_context(forked_program("dbt", __name__, os.environ))
            return (str(folder / "dbt"),)

        token = _command.set(forked)
        yield
        _command.reset(token)


def forked_process(
    arguments: tuple[str, ...], environment: Mapping[str, str], target: Path
) -> tuple[list[str], dict[str, str]]:
    """As ``lake.marts.dbt.dbt_process``, of a dbt that is forked."""
    words, variables = dbt_process(arguments, environment, target)
    return [*command(), *words[len(STARTED) :]], variables


def take_what_was_parsed(parsed: Path, target: Path) -> None:
    """Spare dbt the seconds of parsing a project that some dbt has parsed before."""
    if (parsed / PARSED).exists() and not (target / PARSED).exists():
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(parsed / PARSED, target / PARSED)


def main() -> None:
    """Parse the project, then serve the socket whose descriptor is the argument."""
    from dbt.cli.main import cli, dbtRunner

    listening = socket.socket(fileno=int(sys.argv[1]))
    parsed = Path(listening.getsockname()).parent / "target"
    take_what_was_parsed(PROJECT / "target", parsed)
    where = ("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT))
    ours = ("--target-path", str(parsed), "--log-path", str(parsed))
    # The static parser has threads, of which a fork that parses a changed model has none and waits.
    outcome = dbtRunner().invoke(["--quiet", "--no-static-parser", "parse", *where, *ours])
    if not outcome.success:
        raise SystemExit(f"dbt cannot parse {PROJECT}: {outcome.exception}")

    def dbt() -> None:
        os.environ[PARENT] = str(os.getppid())  # whoever waits for this fork
        take_what_was_parsed(parsed, Path(os.environ[TARGET]))
        cli(prog_name="dbt")

    serve(listening, dbt)


if __name__ == "__main__":
    main()
