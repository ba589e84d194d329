"""Keeping the venues' answers, verbatim, beside the rows that they gave.

An attempt records into a ``Recording`` and stores it in the transaction of its rows; what is left
when it fails, the offending answer included, is stored with its log entry. A body that the lake
holds already is not stored again.
"""

import hashlib
import logging
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import polars as pl

from funding_platform.core.tables.collected import RAW_PAYLOADS
from funding_platform.flows.collection.log import Attempt
from funding_platform.lake.writer import Lake, Transaction
from funding_platform.venues.rest.memory import Share
from funding_platform.venues.rest.recording import Exchange, Recorder

_LOG = logging.getLogger(__name__)

STORED_AT_ONCE = 32 * 2**20
"""Bytes of answers inserted at once. All venues of an ordinary collection send less."""

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


@dataclass(frozen=True, slots=True)
class Answer:
    """A row of ``core.raw_payloads``, but for what the attempt says of all its rows."""

    endpoint: str
    request_key: str
    observed_at: datetime
    sent_at: datetime
    status: int
    sha256: str
    size: int
    body: bytes | None

    @classmethod
    def of(cls, exchange: Exchange, *, kept: bool) -> Self:
        """Describe an answer, with its body or without."""
        body = exchange.body or b""
        return cls(
            exchange.endpoint,
            exchange.request_key,
            exchange.observed_at,
            exchange.sent_at,
            exchange.status,
            hashlib.sha256(body).hexdigest(),
            len(body),
            body if kept else None,
        )

    @property
    def kept(self) -> int:
        """Bytes of the body that are kept."""
        return len(self.body or b"")


class Recording:
    """The answers of one attempt that are not stored yet.

    Parameters
    ----------
    attempt
        Whose answers they are.
    retention_days
        0 records nothing.
    memory
        The venue's share, of which the answers take half at most. Of those beyond it there is a
        row that says so, without the body.
    logged
        Whether the attempt has a row in the log; one that is replayed has none of its own.
    """

    def __init__(
        self, attempt: Attempt, retention_days: int, memory: Share, *, logged: bool = True
    ) -> None:
        self.attempt = attempt
        self.logged = logged
        self.memory = memory
        self.size = 0
        self._keeps = retention_days > 0
        self._answers: deque[Answer] = deque()
        self._dropped = 0

    @property
    def recorder(self) -> Recorder | None:
        """What ``open_venue`` is to hand the answers to."""
        return self._keep if self._keeps else None

    def _keep(self, exchange: Exchange) -> None:
        body = exchange.body or b""
        if self.size + len(body) > self.memory.limit / 2 or not self.memory.has(len(body)):
            self._dropped += 1
            self._answers.append(Answer.of(exchange, kept=False))
            return
        self.memory.take(len(body), "for its answers kept for audit")
        self.size += len(body)
        self._answers.append(Answer.of(exchange, kept=True))

    def relieve(self, lake: Lake) -> None:
        """Store what there is, by itself, once it has become much."""
        if self.size > STORED_AT_ONCE:
            message = f"answers of {self.attempt.venue}"
            with lake.commit(self.attempt.run_id, message, tables=(RAW_PAYLOADS,)) as tx:
                self.store(lake, tx)

    def store(self, lake: Lake, transaction: Transaction) -> None:
        """Append what came since the last time to ``core.raw_payloads``."""
        store_answers([self], lake, transaction)

    def handed_over(self) -> Iterator[Answer]:
        """Yield what came since the last time, and forget it."""
        while self._answers:
            answer = self._answers.popleft()
            self.memory.give_back(answer.kept)
            self.size -= answer.kept
            yield answer
        if self._dropped:
            _LOG.warning(
                "%s %s: %d answers not kept for audit: over the memory budget",
                self.attempt.venue,
                self.attempt.dataset.full_name,
                self._dropped,
            )
            self._dropped = 0

    def row(self, answer: Answer) -> dict[str, object]:
        """Make a row of ``core.raw_payloads``."""
        attempt = self.attempt
        return {
            "venue": attempt.venue,
            "run_id": attempt.run_id,
            "dataset": attempt.dataset.full_name,
            "started_at": attempt.started_at,
            **{name: getattr(answer, name) for name in Answer.__slots__},
        }


def store_answers(recordings: Iterable[Recording], lake: Lake, transaction: Transaction) -> None:
    """Do as ``Recording.store``, for many: mostly one look for known bodies, one insertion."""
    for rows in _batches(recordings):
        frame = pl.DataFrame(rows, schema=RAW_PAYLOADS.polars_schema)
        transaction.append(RAW_PAYLOADS, _without_known_bodies(lake, frame))


def _batches(recordings: Iterable[Recording]) -> Iterator[list[dict[str, object]]]:
    """Gather rows, of a bounded number of bytes together or one that is longer: all are copied."""
    rows: list[dict[str, object]] = []
    together = 0
    for one in recordings:
        for answer in one.handed_over():
            if rows and together + answer.kept > STORED_AT_ONCE:
                yield rows
                rows, together = [], 0
            rows.append(one.row(answer))
            together += answer.kept
    if rows:
        yield rows


def recorded_exchanges(lake: Lake, attempt: Attempt) -> Iterator[Exchange]:
    """Yield the answers of an attempt, in order, a few in memory at a time."""
    key = [attempt.run_id, attempt.venue, attempt.dataset.full_name, attempt.started_at]
    for row in lake.stream(_ANSWERS, key, at_once=PLAYED_AT_ONCE):
        yield Exchange(*row)


def _without_known_bodies(lake: Lake, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows, each body left in the first of them and in none if the lake has it."""
    held = lake.read(
        "SELECT DISTINCT sha256 FROM core.raw_payloads "
        "WHERE body IS NOT NULL AND sha256 IN (SELECT unnest(?))",
        [frame["sha256"].unique().to_list()],
    )["sha256"]
    new = pl.col("sha256").is_first_distinct() & ~pl.col("sha256").is_in(held.implode())
    return frame.with_columns(pl.when(new).then("body"))
