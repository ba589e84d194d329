"""The dashboard: built files of the package, at the address of each of its pages.

They hold no data, so nobody needs a key to load them; what the pages ask goes through the same
door as everybody's questions.
"""

import time
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from funding_platform.core.tables.marts.reasons import REASONS, REJECT_REASONS
from funding_platform.service.cache import Entry, tag_of
from funding_platform.service.desk import response_of

PAGES: Final = (
    *("/", "/opportunities", "/pair", "/curves", "/history", "/venues", "/backtests"),
    *("/trading", "/alerts"),
)
"""Each shows the same file, which knows by its address what to show."""

FOLDER: Final = "/dashboard"

_FILES: Final[Mapping[str, str]] = {
    "index.html": "text/html; charset=utf-8",
    "dashboard.js": "text/javascript; charset=utf-8",
    "dashboard.css": "text/css; charset=utf-8",
    "licences.txt": "text/plain; charset=utf-8",
}
"""What the build makes, and what it is."""

FACTS: Final = f"{FOLDER}/facts.json"

SESSION: Final = f"{FOLDER}/session"
"""Where a browser shows a key, asks whether it has a session, and ends it."""

PATHS: Final = frozenset(
    {*PAGES, FACTS, *(f"{FOLDER}/{name}" for name in _FILES if name != "index.html")}
)
"""All that is answered here."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Scripts, styles and questions of this service alone, none of them written into a page."""

_ALWAYS_GOOD: Final = float("inf")


def _entry(path: str, body: bytes, media_type: str) -> Entry:
    """Return what is answered at a path; a browser asks each time whether it is still the same."""
    tag = tag_of((path, body, media_type), (None, None), "")
    headers = (
        (b"content-type", media_type.encode()),
        (b"etag", tag),
        (b"cache-control", b"no-cache"),
        (b"vary", b"Accept-Encoding"),
        (b"content-security-policy", POLICY.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
    )
    return Entry(headers, body, tag, (None, None), _ALWAYS_GOOD, time.monotonic())


def _entries() -> dict[str, Entry]:
    folder = files("funding_platform.service") / "static"
    built = {
        name: _entry(name, (folder / name).read_bytes(), kind) for name, kind in _FILES.items()
    }
    facts = {
        "reasons": {
            code: {"meaning": reason.meaning, "rejects": code in REJECT_REASONS}
            for code, reason in REASONS.items()
        }
    }
    return {
        **dict.fromkeys(PAGES, built["index.html"]),
        **{f"{FOLDER}/{name}": entry for name, entry in built.items() if name != "index.html"},
        FACTS: _entry("facts.json", msgspec.json.encode(facts), "application/json"),
    }


def dashboard() -> APIRouter:
    """Make the routes of the dashboard, with its files in memory."""
    router = APIRouter(include_in_schema=False)
    entries = _entries()

    async def answer(request: Request) -> Response:
        entry = entries[request.scope["path"]]
        if entry.tag.decode() in request.headers.get("if-none-match", ""):
            unchanged = Response(status_code=304)
            unchanged.raw_headers = [*entry.headers[1:]]
            return unchanged
        return response_of(entry, request.headers.get("accept-encoding", ""))

    for path in sorted(PATHS):
        router.get(path)(answer)
    return router
