"""How log lines look outside Dagster, which has a log of its own.

Modules log with the standard library, so that they know nothing of this and Dagster's handlers see
their lines too. A line is its message, for people at a terminal; or JSON by structlog, one object a
line, for whatever collects logs.
"""

import logging
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, Final, Literal, TextIO, TypeAlias

from funding_platform.core.plain_text import visible

LogFormat: TypeAlias = Literal["text", "json"]
LogLevel: TypeAlias = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

TALKATIVE: Final = ("httpx", "httpcore")
"""Libraries that tell of every request at INFO, with its address."""


_DAGSTER: Final = "dagster"
"""Its loggers have a level of their own, DEBUG, whatever the root has: of what they tell of runs,
which is in Dagster's log, only what is wrong is told here."""

FIELDS: Final = ("method", "path", "status", "milliseconds", "key")
"""What a line may tell in fields of its own, in JSON: what the access log says."""

REQUEST_ID: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)
"""Of the request that is being answered: what is logged meanwhile has it, in JSON."""


class StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to what is the standard error stream when a line is written.

    Commands that run inside another process (tests) have one of their own for a while.
    """

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """The stream."""
        return sys.stderr


class _Text(logging.Formatter):
    """The message; what a character from elsewhere would do to the terminal is shown, not done."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


def configure_logging(form: LogFormat, level: LogLevel) -> None:
    """Have this process log to the standard error stream; may be done again with something else."""
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, StderrHandler)]:
        root.removeHandler(handler)
    handler = StderrHandler()
    handler.setFormatter(_Text("%(message)s") if form == "text" else _json())
    handler.addFilter(_is_told_here)
    root.addHandler(handler)
    root.setLevel(level)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def _is_told_here(record: logging.LogRecord) -> bool:
    return record.name.split(".")[0] != _DAGSTER or record.levelno >= logging.WARNING


def _json() -> logging.Formatter:
    import structlog  # which a command that logs as text need not wait for

    frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # some are secrets
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(FIELDS),
            _add_request_id,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(frames),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
    )


def _add_request_id(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Tell which request a line is of, if it is of one."""
    if (request_id := REQUEST_ID.get()) is not None:
        event["request_id"] = request_id
    return event
