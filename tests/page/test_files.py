"""The files of the page: what is served of them, how, and that nothing else is."""

from __future__ import annotations

import gzip
import posixpath
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from agentnet.models.openai.transport import http
from agentnet.serving.page.files import FILES, SITE
from tests.scripted import network, says
from tools.page.gateways import Served, served, typist

TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("files"), network(typist("ada", says("it is => 2")))) as found:
        yield found


@pytest.fixture
def client(gateway: Served) -> Iterator[http.Client]:
    with http.Client(base_url=gateway.url, timeout=30) as found:
        yield found


def test_each_file_is_served_as_what_it_is(client: http.Client) -> None:
    paths = [path for path in SITE.rglob("*") if path.suffix in TYPES and path.name != "index.html"]
    assert len(paths) > 20
    for path in paths:
        answer = client.get(f"{FILES}{path.relative_to(SITE).as_posix()}")
        assert answer.content == path.read_bytes(), path
        assert answer.headers["content-type"].partition(";")[0] == TYPES[path.suffix], path
        assert answer.headers["content-encoding"] == "gzip"


def test_the_document_names_every_module_of_the_first_view(client: http.Client) -> None:
    """Browsers then ask for all of them at once, and not for one after the other."""
    document = client.get("/").text
    named = re.findall(r'<link rel="modulepreload" href="([^"]+)">', document)
    assert named[:2] == ["/page/main.js", "/page/views/ask.js"]
    assert len(named) == len(set(named)) > 20
    assert all(client.get(path).status_code == 200 for path in named)
    for path in named:
        imported = re.findall(r'^(?:import|export) .*? from "(\.[^"]+)";$', client.get(path).text, re.MULTILINE)
        folder = path.rpartition("/")[0]
        assert {posixpath.normpath(f"{folder}/{name}") for name in imported} <= set(named), path
    plain = (SITE / "index.html").read_text(encoding="utf-8")
    assert re.sub(r"\n *<link rel=\"modulepreload.*", "", document) == re.sub(
        r"\n *<link rel=\"modulepreload.*", "", plain
    )


def test_a_file_that_has_not_changed_is_not_sent_again(client: http.Client) -> None:
    first = client.get("/page/main.js")
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = client.get("/page/main.js", headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get("/page/main.js", headers={"if-none-match": '"other"'}).content == first.content
    plain = client.get("/page/main.js", headers={"if-none-match": tag, "accept-encoding": "identity"})
    assert (plain.status_code, plain.content) == (200, first.content)
    assert plain.headers["etag"] != tag
    assert plain.headers["vary"] == first.headers["vary"] == "accept-encoding"


@pytest.mark.parametrize(
    ("accepted", "packs"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("GZIP", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("", False),
    ],
)
def test_what_a_browser_cannot_unpack_is_not_packed(gateway: Served, accepted: str, packs: bool) -> None:
    content = (SITE / "shell.js").read_bytes()
    with http.Client(base_url=gateway.url, headers={"accept-encoding": accepted}) as client:
        with client.stream("GET", "/page/shell.js") as answer:
            sent = b"".join(answer.iter_raw())
        assert answer.headers.get("content-encoding") == ("gzip" if packs else None)
        assert (gzip.decompress(sent) if packs else sent) == content
        head = client.head("/page/shell.js")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(sent))


@pytest.mark.parametrize(
    "path",
    [
        "/page/../surface.py",
        "/page/..%2fsurface.py",
        "/page/%2e%2e/surface.py",
        "/page/site/../../surface.py",
        "/page/..\\surface.py",
        "/page/..%5csurface.py",
        "/page//etc/passwd",
        "/page/%2fetc%2fpasswd",
        "/page/main.js%00.css",
        "/page/main.js/",
        "/page/",
        "/page/index.html",
        "/page/vendor/vendor.json",
        "/page/vendor/preact.LICENSE",
        "/page/vendor/preact.d.ts",
        "/page/nothing.js",
    ],
)
def test_nothing_else_is_served(gateway: Served, path: str) -> None:
    """Sent as it is written: clients of HTTP mend such paths."""
    where = urlsplit(gateway.url)
    with socket.create_connection((where.hostname, where.port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\nConnection: close\r\n\r\n".encode())
        answer = connection.makefile("rb").read()
    assert answer.split()[1] in (b"400", b"404"), answer[:200]


def test_no_page_of_elsewhere_frames_it_or_runs_in_it(client: http.Client) -> None:
    for path in ("/", "/page/main.js"):
        headers = client.get(path).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert (
            policy["frame-ancestors"]
            == policy["default-src"]
            == policy["base-uri"]
            == policy["form-action"]
            == "'none'"
        )
        assert {policy[f"{what}-src"] for what in ("script", "style", "connect", "img")} == {"'self'"}
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-resource-policy"] == headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
