"""The surface of the page: its document at ``/``, its files below ``/page``, and the session of who reads it.

========================  ===================================================================================
``GET /page/session``     who asks, whether by a session, and the proof that their changes need
``POST /page/session``    begin a session with a key: ``{"key": "an-…"}``
``DELETE /page/session``  end it
========================  ===================================================================================
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentnet.contracts.serving import Caller
from agentnet.serving.access.callers import caller_with
from agentnet.serving.access.entrance import Gate, Visitor, is_own
from agentnet.serving.access.sessions import SESSION, PageSession, Sessions
from agentnet.serving.app import Problem
from agentnet.serving.gateway import Mounted
from agentnet.serving.page.files import FILES, SiteFiles
from agentnet.serving.reading import read_json

SESSION_PATH = "/page/session"
PRIVATE = {"cache-control": "no-store"}


def page(gate: Gate, sessions: Sessions) -> Mounted:
    """Return the surface."""
    files = SiteFiles()

    async def who(request: Request) -> Response:
        try:
            visitor = await gate.recognized(request)
        except Problem as problem:
            if problem.status != 401:
                raise
            return JSONResponse(_told(sessions, None, None), headers=PRIVATE)
        return JSONResponse(_told(sessions, visitor.caller, visitor.session), headers=PRIVATE)

    async def begin(request: Request) -> Response:
        origin = request.headers.get("origin", "")
        if not is_own(origin, request.headers):  # else a page of elsewhere could sign a reader in as another caller
            raise Problem(403, "one signs in on the server's own page", "wrong-origin")
        key = (await read_json(request)).get("key")
        if not isinstance(key, str):
            raise Problem(400, "key: is a text such as an-…", "bad-request", param="key")
        record = await gate.key(key.strip())
        caller = caller_with(record)
        if not caller.may("ask"):
            raise Problem(403, "this key may not be used here: it lacks the scope ask", "wrong-scope")
        cookie, session = sessions.begin(record)
        response = JSONResponse(_told(sessions, caller, session), headers=PRIVATE)
        response.set_cookie(
            sessions.cookie,
            cookie,
            max_age=int(SESSION.total_seconds()),
            secure=sessions.secure or origin.startswith("https://"),
            httponly=True,
            samesite="strict",
        )
        return response

    async def end(request: Request) -> Response:
        visitor: Visitor = await gate.recognized(request)
        gate.check_proof(request, visitor)
        response = Response(status_code=204, headers=PRIVATE)
        response.delete_cookie(sessions.cookie, secure=sessions.secure, httponly=True, samesite="strict")
        return response

    return Mounted(
        [
            Route("/", files.serve),
            Route(SESSION_PATH, who),
            Route(SESSION_PATH, begin, methods=["POST"]),
            Route(SESSION_PATH, end, methods=["DELETE"]),
            Route(f"{FILES}{{file:path}}", files.serve),
        ],
        open_paths=frozenset({*files.paths, SESSION_PATH}),
    )


def _told(sessions: Sessions, caller: Caller | None, session: PageSession | None) -> dict[str, Any]:
    """Return what the page is told: without a caller, it asks for a key."""
    if caller is None:
        return {"caller": None, "proof": None, "signed_in": False}
    told = {"id": caller.id, "name": caller.name, "scopes": caller.scopes}
    return {"caller": told, "proof": sessions.proof(session), "signed_in": session is not None}
