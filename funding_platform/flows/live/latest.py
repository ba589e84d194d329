"""The market as the collector sees it, for the other processes of this machine.

The collector hands its frames out once a second: the board, its venues, pairs and curves. They are
replaced in one transaction, so that whoever reads finds frames of one instant, and of a collector
that was killed what it had handed out last. History is in ``core.live_rates``.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Self

import polars as pl

from funding_platform.core.system.state_files import StateSchema, in_transaction, open_state_file
from funding_platform.core.time_grid import from_us, to_us
from funding_platform.flows.errors import NotLiveError
from funding_platform.settings import Settings

STALE_AFTER: Final = timedelta(seconds=15)
"""A collector that has handed out nothing for so long has stopped, or hangs."""

FRESH_SECONDS: Final = 60.0
"""A venue whose newest data is older is not live: all of them speak several times a minute."""

BOARD: Final = "board"
VENUES: Final = "venues"
PAIRS: Final = "pairs"
STRIPS: Final = "strips"
FACTORS: Final = "factors"
"""The frames: cells of every instrument with their ages and ``rate_before``, the predicted rate an
hour ago; the venues; the best pairs, those of each asset among them, with columns of
``marts.opportunities``; the newest live strip of every instrument, with columns of
``features.curve_snapshots``; of the bases whose curves are watched their factors, with columns of
``features.curve_factors``."""

VENUES_SCHEMA: Final = pl.Schema(
    {
        "venue": pl.String(),
        "source": pl.String(),
        "age_seconds": pl.Float64(),
        "updates_per_second": pl.Float64(),
        "instruments": pl.Int64(),
        "stale": pl.Int64(),
        "reconnects": pl.Int64(),
        "trouble": pl.String(),
    }
)
"""Of the venues: ``source`` is ``stream`` or ``rest``, ``age_seconds`` that of the newest data,
``stale`` counts instruments without fresh data, ``trouble`` says why nothing comes."""

_SCHEMA: Final = StateSchema(
    """
CREATE TABLE frames (name TEXT PRIMARY KEY, arrow BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE latest (at INTEGER NOT NULL, version INTEGER NOT NULL, started INTEGER NOT NULL);
""",
    application_id=0x46_55_4C_56,
    version=1,
)
_START: Final = "run `funding live`, or `funding dev`, which starts it"


def latest_file(settings: Settings) -> Path:
    """Return where the collector hands its frames out."""
    return settings.state_dir / "live" / "latest.sqlite"


@dataclass(frozen=True, slots=True)
class Latest:
    """What the collector handed out last.

    Parameters
    ----------
    at
        When that was.
    started_at
        Since when the collector has been running.
    version
        The board's; it grows with every change of a value.
    frames
        ``board``, ``venues``, ``pairs``, ``strips`` and ``factors``, as far as they were handed
        out.
    """

    at: datetime
    started_at: datetime
    version: int
    frames: Mapping[str, pl.DataFrame]

    def age(self, now: datetime) -> timedelta:
        """Return how long ago it was handed out."""
        return now - self.at

    def is_stale(self, now: datetime) -> bool:
        """Tell whether the collector has stopped since, or hangs."""
        return self.age(now) > STALE_AFTER


class LatestWriter:
    """Hands frames out; one collector has one.

    Parameters
    ----------
    settings
        Say where.
    started_at
        Since when the collector has been running.
    """

    def __init__(self, settings: Settings, started_at: datetime) -> None:
        self._started = to_us(started_at)
        self._file = latest_file(settings)
        self._connection = open_state_file(self._file, _SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; what was handed out last stays."""
        self._connection.close()

    def write(self, frames: Mapping[str, pl.DataFrame], version: int, at: datetime) -> None:
        """Replace everything that was handed out before; a file that is broken, too."""
        encoded = [(name, _encoded(frame)) for name, frame in frames.items()]

        def replace(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM frames")
            connection.executemany("INSERT INTO frames VALUES (?, ?)", encoded)
            connection.execute("DELETE FROM latest")
            connection.execute(
                "INSERT INTO latest VALUES (?, ?, ?)", (to_us(at), version, self._started)
            )

        try:
            in_transaction(self._connection, replace)
        except sqlite3.OperationalError:  # a full disk: the next try may find room
            raise
        except sqlite3.DatabaseError:
            self._connection.close()
            self._connection = open_state_file(self._file, _SCHEMA)
            in_transaction(self._connection, replace)


def read_latest(settings: Settings, *wanted: str) -> Latest:
    """Read what the collector handed out last, however long ago.

    Parameters
    ----------
    settings
        Say where.
    wanted
        The frames to read, all of them where none is named: pairs are by far the largest.

    Raises
    ------
    NotLiveError
        If none has handed out anything yet, or it cannot be read.
    """
    file = latest_file(settings).absolute()
    if not file.exists():
        raise NotLiveError(f"no collector has run over {settings.data_dir}", hint=_START)
    try:
        told, stored = _stored(file, wanted)
    except sqlite3.Error as error:  # after a power cut, or while it is being made
        said = f"what the collector handed out cannot be read: {error}"
        raise NotLiveError(said, hint=_START) from error
    if told is None:
        raise NotLiveError("the collector has not seen anything yet", hint=_START)
    at, version, started = told
    frames = {name: pl.read_ipc(BytesIO(arrow)) for name, arrow in stored}
    return Latest(from_us(at), from_us(started), version, frames)


def read_version(settings: Settings) -> Latest:
    """Read when the collector handed out last, and which version of the board; no frames.

    Raises
    ------
    NotLiveError
        If none has handed out anything yet.
    """
    return read_latest(settings, "")


def _stored(file: Path, wanted: Sequence[str]) -> tuple[Any, list[tuple[str, bytes]]]:
    """Read when what was handed out last, and the frames that are wanted."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, isolation_level=None)) as db:
        db.execute("BEGIN")  # both tables at one instant
        told = db.execute("SELECT at, version, started FROM latest").fetchone()
        stored = db.execute(
            "SELECT name, arrow FROM frames WHERE ? OR name IN (SELECT value FROM json_each(?))",
            [not wanted, json.dumps(wanted)],
        ).fetchall()
    return told, stored


def _encoded(frame: pl.DataFrame) -> bytes:
    buffer = BytesIO()
    frame.write_ipc(buffer, compression="uncompressed")
    return buffer.getvalue()
