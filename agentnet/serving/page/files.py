"""The files of the page as browsers take them: compressed, by media type, and again only if they have changed."""

from __future__ import annotations

import gzip
import hashlib
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from agentnet.serving.app import Problem

SITE = Path(__file__).parent / "site"
FILES = "/page/"
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
"""What is served, by the end of its name, and as which media type."""
FIRST = ("main.js", "views/ask.js")
"""Modules of the first view. The document names them and all that they import, so that browsers ask for all at once."""
_PRELOAD = '<link rel="modulepreload" href="{}">'
_IMPORT = re.compile(r"""^(?:import|export)\b[^"';]*?["'](\.[^"']+)["'];?$""", re.MULTILINE)
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Everything comes from this server, and nothing that stands in the document itself is executed."""
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
    "vary": "accept-encoding",
}


@dataclass(frozen=True, slots=True)
class _Content:
    """What a file holds. `version` tells when it has to be read again."""

    version: tuple[int, int]
    plain: bytes
    packed: bytes
    tag: str


class SiteFiles:
    """The files of the page by the paths at which they are served; `paths` never lead out of its folder."""

    def __init__(self) -> None:
        document = SITE / "index.html"
        found = (path for path in SITE.rglob("*") if path.suffix in KINDS and path.is_file() and path != document)
        self.paths: Mapping[str, Path] = {
            **{f"{FILES}{path.relative_to(SITE).as_posix()}": path for path in found},
            "/": document,
        }
        self._contents: dict[Path, _Content] = {}

    def first_modules(self) -> list[str]:
        """Return the paths of the modules of the first view."""
        found: dict[str, None] = dict.fromkeys(FIRST)
        left = list(FIRST)
        while left:
            name = left.pop(0)
            for imported in _IMPORT.findall((SITE / name).read_text(encoding="utf-8")):
                inner = posixpath.normpath(posixpath.join(posixpath.dirname(name), imported))
                if inner not in found and f"{FILES}{inner}" in self.paths:
                    found[inner] = None
                    left.append(inner)
        return [f"{FILES}{name}" for name in found]

    async def serve(self, request: Request) -> Response:
        """Answer for the file at a request's path. Raises `Problem` where there is none."""
        file = self.paths.get(request.url.path)
        if file is None:
            raise Problem(404, "the page has no such file", "not-found")
        content = self._content(file)
        packs = "gzip" in _accepted(request.headers.get("accept-encoding", ""))
        tag = f'"{content.tag}-gzip"' if packs else f'"{content.tag}"'
        headers = {**HEADERS, "etag": tag}
        if tag in (known.strip().removeprefix("W/") for known in request.headers.get("if-none-match", "").split(",")):
            return Response(status_code=304, headers=headers)
        if packs:
            headers["content-encoding"] = "gzip"
        return Response(content.packed if packs else content.plain, headers=headers, media_type=KINDS[file.suffix])

    def _content(self, file: Path) -> _Content:
        stat = file.stat()
        version = stat.st_mtime_ns, stat.st_size
        found = self._contents.get(file)
        if found is None or found.version != version:
            plain = file.read_bytes()
            if file == self.paths["/"]:
                preloads = "\n    ".join(_PRELOAD.format(path) for path in self.first_modules())
                plain = plain.replace(_PRELOAD.format(f"{FILES}{FIRST[0]}").encode(), preloads.encode())
            tag = hashlib.sha256(plain).hexdigest()[:20]
            found = self._contents[file] = _Content(version, plain, gzip.compress(plain, mtime=0), tag)
        return found


def _accepted(header: str) -> set[str]:
    """Return the encodings that a browser takes."""
    found = set()
    for part in header.lower().split(","):
        name, _, quality = part.partition(";")
        if quality.strip().removeprefix("q=").strip("0.") or not quality:
            found.add(name.strip())
    return found
