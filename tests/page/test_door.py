"""Signing in on the page of a server that wants keys, and what another origin can do with a reader's session."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from agentnet.contracts.serving import Scope
from tests.page.conftest import Reader
from tests.scripted import network, says
from tools.page.gateways import Served, served, typist


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    team = network(typist("ada", says("it is => 2")), typist("ben", says("I say => 2")))
    with served(tmp_path_factory.mktemp("door"), team) as found:
        created(found, "owner", "admin")
        yield found


def created(gateway: Served, name: str, scope: Scope = "ask") -> str:
    key, _ = gateway.call(gateway.session.keys.create(name, (scope,)))
    return key


def test_a_reader_signs_in_and_out(reader: Reader, gateway: Served) -> None:
    key = created(gateway, "marie")
    page = reader(gateway.url, "#/runs", allowed="401")
    page.get_by_label("Key", exact=True).fill(f"an-00000000-{'0' * 48}")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").filter(has_text="the key is wrong").wait_for()
    page.get_by_label("Key", exact=True).fill(key)
    page.keyboard.press("Enter")
    page.get_by_text("marie").wait_for()
    page.wait_for_selector("main.view-runs > :not(.sign-in)")
    page.reload()
    page.get_by_text("marie").wait_for()
    stored = page.evaluate("[document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage)].join()")
    assert "agentnet-" not in stored, "scripts can read the session"
    assert key not in stored
    page.get_by_role("link", name="Evaluations").click()
    page.get_by_text("lacks the scope admin").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Key", exact=True).wait_for()
    assert page.context.cookies() == []


def test_a_session_that_ends_leaves_the_page_as_it_is(reader: Reader, gateway: Served) -> None:
    key, other = created(gateway, "pierre"), created(gateway, "irene")
    page = reader(gateway.url, allowed="401")
    page.get_by_label("Key", exact=True).fill(key)
    page.keyboard.press("Enter")
    page.get_by_text("pierre").wait_for()
    page.wait_for_selector("main.view-ask > :not(.sign-in)")
    page.evaluate("document.querySelector('main > *').dataset.kept = 'yes'")
    page.get_by_label("Question", exact=True).fill("What only pierre may read?")
    gateway.call(gateway.session.keys.revoke("pierre"))
    page.evaluate("import('/page/api.js').then((api) => api.get('/api/runs')).catch(() => {})")
    page.get_by_role("dialog", name="Sign in again").wait_for()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.locator("main > [data-kept]")).to_have_count(1)
    page.get_by_label("Key", exact=True).fill(other)
    page.keyboard.press("Enter")
    page.get_by_text("irene").wait_for()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_label("Question", exact=True)).to_have_value("")
    kept = page.locator("main > [data-kept]")
    expect(kept, "another reader sees what the first one had on screen").to_have_count(0)


def test_a_report_is_shown_to_who_may_see_it(reader: Reader, gateway: Served) -> None:
    """It is a frame that has no origin, and no session of its own."""
    page = reader(gateway.url, "#/evaluations/recorded/zoo", allowed="Content Security Policy")
    page.get_by_label("Key", exact=True).fill(created(gateway, "curie", "admin"))
    page.keyboard.press("Enter")
    report = page.frame_locator("iframe")
    report.locator("h1").wait_for()
    (frame,) = page.frames[1:]
    assert frame.evaluate("origin") == "null"
    assert frame.evaluate("fetch('/page/session').then(() => 'read', () => 'refused')") == "refused"


def test_another_origin_cannot_act_as_the_reader(reader: Reader, gateway: Served) -> None:
    """A page at another port of this host, to which browsers lend this host's cookies."""
    page = reader(gateway.url)
    page.get_by_label("Key", exact=True).fill(created(gateway, "lise"))
    page.keyboard.press("Enter")
    page.get_by_text("lise").wait_for()
    before = gateway.call(gateway.session.runs.latest())
    with elsewhere() as origin:
        foe = page.context.new_page()
        foe.goto(origin)
        tried = foe.evaluate(ATTACK, gateway.url)
        (framed,) = foe.frames[1:]
        assert framed.query_selector("#page") is None, "the page can be framed"
    assert tried == ["refused"] * len(tried)
    assert len(tried) == 7
    assert gateway.call(gateway.session.runs.latest()) == before
    page.reload()
    page.get_by_text("lise").wait_for()


ATTACK = """async (url) => {
  const json = {"content-type": "application/json"};
  const ask = JSON.stringify({question: "1 + 1?"});
  const requests = [
    fetch(`${url}/api/runs`, {credentials: "include"}),
    fetch(`${url}/page/session`, {credentials: "include"}),
    fetch(`${url}/page/session`, {method: "DELETE", credentials: "include"}),
    fetch(`${url}/api/runs`, {method: "POST", credentials: "include", headers: json, body: ask}),
    fetch(`${url}/page/session`, {method: "POST", credentials: "include", headers: json, body: '{"key": "an-0"}'}),
  ].map((sent) => sent.then(() => "let in", () => "refused"));
  requests.push(new Promise((then) => {
    const script = document.createElement("script");
    script.src = `${url}/page/session`;
    script.onload = () => then("let in");
    script.onerror = () => then("refused");
    document.head.append(script);
  }));
  requests.push(fetch(`${url}/api/runs`, {method: "POST", mode: "no-cors", credentials: "include", body: ask})
    .then((answer) => (answer.type === "opaque" ? "refused" : "let in"), () => "refused"));
  const tried = await Promise.all(requests);
  const frame = document.createElement("iframe");
  frame.src = `${url}/`;
  const framed = new Promise((then) => (frame.onload = then));
  document.body.append(frame);
  await framed;
  return tried;
}"""


class _Elsewhere(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title><body>")

    def log_message(self, format: str, *values: object) -> None:
        """Say nothing."""


@contextmanager
def elsewhere() -> Iterator[str]:
    """Serve an empty page at another origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
