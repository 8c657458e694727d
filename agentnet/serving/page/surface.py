"""The surface that serves the page: its document at ``/``, and its files below ``/page``."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from agentnet.serving.app import Problem
from agentnet.serving.gateway import Gateway, Mounted

SITE = Path(__file__).parent / "site"
FILES = "/page/"
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
"""What is served, by the end of its name, and as which media type."""
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Everything comes from this server, and nothing that stands in the document itself is executed."""
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
}


def page(gateway: Gateway) -> Mounted:
    """Return the surface."""
    files = {f"{FILES}{path.relative_to(SITE).as_posix()}": path for path in SITE.rglob("*") if path.suffix in KINDS}
    files = {path: file for path, file in files.items() if not file.name.endswith(".d.ts")}
    files["/"] = SITE / "index.html"

    async def serve(request: Request) -> Response:
        file = files.get(request.url.path)
        if file is None:
            raise Problem(404, "the page has no such file", "not-found")
        return FileResponse(file, media_type=KINDS[file.suffix], headers=HEADERS)

    return Mounted([Route("/", serve), Route(f"{FILES}{{file:path}}", serve)], open_paths=frozenset(files))
