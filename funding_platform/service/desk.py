"""Where a question becomes bytes: asked once however many ask it, encoded, kept for its version."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, TypeAlias

import msgspec
from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from funding_platform.service.cache import Cache, Entry, Headers, Key, tag_of
from funding_platform.service.formats import (
    CSV,
    NDJSON,
    Answer,
    enclosed,
    envelope,
    lines,
    negotiated,
    rows_of,
)
from funding_platform.service.problems import ProblemError
from funding_platform.service.reader import Readers, Sources
from funding_platform.service.shared import SharedCache
from funding_platform.service.versions import Versions
from funding_platform.settings import Settings

Question: TypeAlias = Callable[[Sources], Answer]

MAX_AGE_SECONDS: Final = 5.0
"""How long an answer is told again while its versions last: what depends on the clock alone, such
as fees that begin at an instant, is never further behind."""

LARGEST_GZIPPED: Final = 16 * 2**20

_TOLD: Final = (
    ("as_of", b"funding-as-of"),
    ("data_age_seconds", b"funding-data-age-seconds"),
    ("source", b"funding-source"),
    ("snapshot", b"funding-snapshot"),
    ("next_cursor", b"funding-next-cursor"),
)
"""What stands around the rows, as headers: Arrow and CSV have no other place for it."""


@dataclass
class Desk:
    """Answers questions.

    Parameters
    ----------
    settings
        Say how many rows an answer may have.
    readers
        Ask the lake.
    versions
        Tell how long an answer is good.
    cache
        Keeps them.
    salt
        Part of every tag: of this process, or of all that share answers.
    private
        Whether caches that several share may keep nothing.
    venues
        Those that are collected.
    shared
        What instances of the service share; None where each keeps its own.
    """

    settings: Settings
    readers: Readers
    versions: Versions
    cache: Cache
    salt: str
    private: bool
    venues: Sequence[str]
    shared: SharedCache | None = None

    def __post_init__(self) -> None:
        self._under_way: dict[Key, asyncio.Task[Entry]] = {}

    async def answer(self, request: Request, question: Question) -> Response:
        """Answer a request from the cache's next version of it.

        Raises
        ------
        ProblemError
            If the answer would have more rows than allowed, or nothing that is accepted is served.
        FundingError
            As the question does.
        """
        key = key_of(request)
        if key[2] == NDJSON:
            return await self._streamed(question)
        task = self._under_way.get(key)
        if task is None:
            gzipped = "gzip" in request.headers.get("accept-encoding", "")
            task = asyncio.create_task(self._encoded(key, question, gzipped))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._ended(key, done))
        entry = await asyncio.shield(task)
        if entry.tag.decode() in request.headers.get("if-none-match", ""):
            unchanged = Response(status_code=int(HTTPStatus.NOT_MODIFIED))
            unchanged.raw_headers = [*entry.headers[1:]]
            return unchanged
        return response_of(entry, request.headers.get("accept-encoding", ""))

    def _ended(self, key: Key, task: asyncio.Task[Entry]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # whoever asked may be gone

    async def _encoded(self, key: Key, question: Question, gzipped: bool) -> Entry:
        def made(sources: Sources) -> Entry:
            entry = self._made(key, question, sources)
            if gzipped and len(entry.body) <= LARGEST_GZIPPED:
                entry.gzipped  # noqa: B018 - in this thread, not in that of everybody
            return entry

        entry = None if self.shared is None else await self.shared.get(key)
        if entry is None:
            entry = await self.readers.ask(made)
            if self.shared is not None:
                self.shared.put(key, entry)
        self.cache.put(key, entry)
        return entry

    def _made(self, key: Key, question: Question, sources: Sources) -> Entry:
        answer = question(sources)
        self._require_few(answer, self.settings.service_rows)
        around = envelope(answer, sources.snapshot, datetime.now(UTC))
        version = (sources.snapshot, answer.board)
        rows = rows_of(answer, key[2])
        # Versions alone do not tell: fees begin at an instant, and a venue falls silent.
        tag = tag_of(key, version, self.salt, rows + msgspec.json.encode(answer.more))
        scope = b"private" if self.private else b"public"
        headers = (
            (b"content-type", _content_type(key[2])),
            (b"etag", tag),
            (b"cache-control", scope + b", max-age=0, must-revalidate"),
            (b"vary", b"Accept, Accept-Encoding"),
            *_told(around),
        )
        body = enclosed(answer, key[2], rows, around)
        return Entry(headers, body, tag, version, MAX_AGE_SECONDS, time.monotonic())

    async def _streamed(self, question: Question) -> Response:
        """Write rows line by line, as fast as they are taken; of one snapshot, kept nowhere."""

        def asked(sources: Sources) -> tuple[Answer, Mapping[str, Any]]:
            answer = question(sources)
            self._require_few(answer, self.settings.service_rows)
            return answer, envelope(answer, sources.snapshot, datetime.now(UTC))

        answer, around = await self.readers.ask(asked)
        headers = {name.decode(): value.decode() for name, value in _told(around)}
        return StreamingResponse(
            iterate_in_threadpool(lines(answer.frame)),
            media_type=NDJSON,
            headers={"Cache-Control": "no-store", **headers},
        )

    def _require_few(self, answer: Answer, most: int) -> None:
        if answer.frame.height > most:
            raise ProblemError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                f"the answer has {answer.frame.height:,} rows, more than {most:,}",
                hint="ask for a shorter period, one venue or base, or page by page with limit",
            )


def key_of(request: Request) -> Key:
    """Return what is asked: path, query and form.

    Raises
    ------
    ProblemError
        406, if nothing that is accepted is served.
    """
    form = negotiated(request.headers.get("accept", ""))
    return request.scope["path"], request.scope["query_string"], form


def response_of(entry: Entry, accepted: str) -> Response:
    """Return an encoded answer."""
    gzipped = entry.goes_gzipped(accepted.encode())
    response = Response(entry.gzipped if gzipped else entry.body)
    response.raw_headers = [*(entry.gzipped_headers if gzipped else entry.plain_headers)]
    return response


def _told(around: Mapping[str, Any]) -> Headers:
    return tuple(
        (header, _text(around[name])) for name, header in _TOLD if around[name] is not None
    )


def _text(value: object) -> bytes:
    text = value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else f"{value}"
    return text.encode("latin-1", "replace")


def _content_type(form: str) -> bytes:
    return b"text/csv; charset=utf-8; header=present" if form == CSV else form.encode()
