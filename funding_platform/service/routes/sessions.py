"""The dashboard's session: begun by a key that is shown once, told of, and ended."""

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from funding_platform.service.access.callers import caller_of, require_key
from funding_platform.service.access.sessions import LASTS_SECONDS, Session, set_cookie
from funding_platform.service.dashboard import SESSION
from funding_platform.service.formats import JSON
from funding_platform.service.problems import ProblemError

router = APIRouter(include_in_schema=False)

_NOT_KEPT = {"Cache-Control": "no-store"}


@router.post(SESSION)
async def begin(request: Request) -> Response:
    """Have the browser keep a session for the key that this request came with."""
    caller = caller_of(request.scope)
    key = require_key(caller)
    if caller.session is not None:
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            "a session makes no session",
            hint="show the key again: Authorization: Bearer fp_…",
        )
    value, session = await asyncio.to_thread(request.app.state.sessions.begin, key.id)
    answer = _told(key.name, session)
    cookie = set_cookie(value, LASTS_SECONDS, secure=_is_behind_tls(request))
    answer.headers["Set-Cookie"] = cookie
    return answer


@router.get(SESSION)
async def standing(request: Request) -> Response:
    """Tell whose session the browser has, and when it ends."""
    caller = caller_of(request.scope)
    known = caller.key is not None and caller.session is not None
    return _told(caller.key.name if caller.key and known else None, caller.session)


@router.delete(SESSION)
async def end(request: Request) -> Response:
    """End the session, and have the browser forget it: a copy of its cookie is good no more."""
    caller = caller_of(request.scope)
    if caller.session is not None:
        await asyncio.to_thread(request.app.state.sessions.end, caller.session)
    answer = _told(None, None)
    answer.headers["Set-Cookie"] = set_cookie("", 0, secure=_is_behind_tls(request))
    return answer


def _is_behind_tls(request: Request) -> bool:
    """Tell whether the browser came by TLS: here, or at the proxy in front."""
    forwarded = request.headers.get("x-forwarded-proto", "").split(",")[0].strip()
    return "https" in (request.url.scheme, forwarded)


def _told(name: str | None, session: Session | None) -> Response:
    ends_at = None if session is None else datetime.fromtimestamp(session.ends_at, UTC)
    told = {"name": name, "ends_at": ends_at}
    return Response(msgspec.json.encode(told), media_type=JSON, headers=_NOT_KEPT)
