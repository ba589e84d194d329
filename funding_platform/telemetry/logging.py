"""How log lines look outside Dagster, which has a log of its own.

Modules log with the standard library, so that they know nothing of this and Dagster's handlers see
their lines too. A line is its message, for people at a terminal; or JSON by structlog, one object a
line, for whatever collects logs.
"""

import logging
import sys
from typing import Final, Literal, TextIO, TypeAlias

from funding_platform.core.plain_text import visible

LogFormat: TypeAlias = Literal["text", "json"]
LogLevel: TypeAlias = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

TALKATIVE: Final = ("httpx", "httpcore")
"""Libraries that tell of every request at INFO, with its address."""


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
    root.addHandler(handler)
    root.setLevel(level)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def _json() -> logging.Formatter:
    import structlog  # which a command that logs as text need not wait for

    frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # some are secrets
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(frames),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
    )
