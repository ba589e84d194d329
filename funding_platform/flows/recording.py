"""Keeping the venues' answers, verbatim, beside the rows that they gave.

An attempt records into a ``Recording`` and stores it in the transaction of its rows; what is left
when it fails, the offending answer included, is stored with its log entry. A body that the lake
holds already is not stored again.
"""

import hashlib
from collections.abc import Iterable, Iterator

import polars as pl

from funding_platform.core.tables import RAW_PAYLOADS
from funding_platform.flows.collection_log import Attempt
from funding_platform.lake.writer import Lake, Transaction
from funding_platform.venues.recording import Exchange, Recorder

PLAYED_AT_ONCE = 128
"""Answers held in memory ahead of what a replay asks for."""

_ANSWERS = """
WITH bodies AS (
    SELECT sha256, any_value(body) AS body
    FROM core.raw_payloads WHERE body IS NOT NULL GROUP BY sha256
)
SELECT endpoint, request_key, status, coalesce(answers.body, bodies.body), sent_at, observed_at
FROM core.raw_payloads AS answers LEFT JOIN bodies USING (sha256)
WHERE run_id = ? AND venue = ? AND dataset = ? AND started_at = ?
ORDER BY observed_at
"""


class Recording:
    """The answers of one attempt that are not stored yet.

    Parameters
    ----------
    attempt
        Whose answers they are.
    retention_days
        0 records nothing.
    """

    def __init__(self, attempt: Attempt, retention_days: int) -> None:
        self.attempt = attempt
        self._keeps = retention_days > 0
        self._exchanges: list[Exchange] = []

    @property
    def recorder(self) -> Recorder | None:
        """What ``open_venue`` is to hand the answers to."""
        return self._exchanges.append if self._keeps else None

    def store(self, lake: Lake, transaction: Transaction) -> None:
        """Append what came since the last time to ``core.raw_payloads``."""
        store_answers([self], lake, transaction)

    def frame(self) -> pl.DataFrame:
        """What came since the last time, as rows of ``core.raw_payloads``."""
        attempt = self.attempt
        return pl.DataFrame(
            {
                "venue": attempt.venue,
                "endpoint": [one.endpoint for one in self._exchanges],
                "request_key": [one.request_key for one in self._exchanges],
                "observed_at": [one.observed_at for one in self._exchanges],
                "sent_at": [one.sent_at for one in self._exchanges],
                "run_id": attempt.run_id,
                "dataset": attempt.dataset.full_name,
                "started_at": attempt.started_at,
                "status": [one.status for one in self._exchanges],
                "sha256": [hashlib.sha256(one.body).hexdigest() for one in self._exchanges],
                "size": [len(one.body) for one in self._exchanges],
                "body": [one.body for one in self._exchanges],
            },
            schema=RAW_PAYLOADS.polars_schema,
        )

    def clear(self) -> None:
        """Forget what is stored."""
        self._exchanges.clear()


def store_answers(recordings: Iterable[Recording], lake: Lake, transaction: Transaction) -> None:
    """As ``Recording.store``, for many at once: one look for known bodies, one insertion."""
    recordings = list(recordings)
    frame = pl.concat([RAW_PAYLOADS.empty(), *(one.frame() for one in recordings)])
    if frame.is_empty():
        return
    transaction.append(RAW_PAYLOADS, _without_known_bodies(lake, frame))
    for one in recordings:
        one.clear()


def recorded_exchanges(lake: Lake, attempt: Attempt) -> Iterator[Exchange]:
    """The answers of an attempt, in order, a few in memory at a time."""
    key = [attempt.run_id, attempt.venue, attempt.dataset.full_name, attempt.started_at]
    for row in lake.stream(_ANSWERS, key, at_once=PLAYED_AT_ONCE):
        yield Exchange(*row)


def _without_known_bodies(lake: Lake, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows, each body left in the first of them and in none if the lake has it."""
    held = lake.read(
        "SELECT DISTINCT sha256 FROM core.raw_payloads "
        "WHERE body IS NOT NULL AND sha256 IN (SELECT unnest(?))",
        [frame["sha256"].unique().to_list()],
    )["sha256"]
    new = pl.col("sha256").is_first_distinct() & ~pl.col("sha256").is_in(held.implode())
    return frame.with_columns(pl.when(new).then("body"))
