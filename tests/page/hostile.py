"""Texts that want to be more than text, a server whose answers are full of them, and what a page must not do then."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

ELSEWHERE = "https://elsewhere.example"
TEXTS = {
    "markup": "<b data-made>bold</b><img data-made src=x onerror=hurt=1><svg data-made onload=hurt=1>"
    f"<iframe data-made src={ELSEWHERE}></iframe><script data-made>hurt=1</script>"
    "<style data-made>*{display:none}</style>",
    "the end of what is around it": "</script><script>hurt=1</script>--></title></textarea></style><b data-made>'\"`\\",
    "attributes": "\" autofocus onfocus=\"hurt=1\" data-made='' ' onmouseover='hurt=1",
    "links": f"javascript:hurt=1 [link](javascript:hurt=1) {ELSEWHERE}/?stolen=1 ![]({ELSEWHERE}) data:text/html",
    "styles": f"red; background: url({ELSEWHERE}/x) }} * {{ display: none !important }} @import '{ELSEWHERE}';",
    "templates": "${hurt=1} {{constructor.constructor('hurt=1')()}} <%= hurt=1 %> #{hurt} &lt;b&gt; %s \\u003cb\\u003e",
    "terminal": f"\x1b[2J\x1b[31mred\x1b]8;;{ELSEWHERE}\x07link\x1b]8;;\x07\r\x08\x7f",
    "directions": "\u202etxet desrever\u202d \u2066\u2067isolated\u2069 \u200b\u200d\ufeff\u00ad a\u0300\u0489",
    "length": "W" * 300,
}
"""What a text may be → the text. `hurt` is what their programs set, `data-made` what their elements have."""
HOSTILE = " ".join(TEXTS.values())

STRUCTURE = frozenset(
    [
        *("id", "kind", "status", "mark", "state", "standing", "surface", "source", "finish", "verdict", "scopes"),
        *("run", "message", "node", "refs", "reply_to", "cursor", "next", "split"),
        *("time", "started", "ended", "created", "expires", "until", "since"),
    ]
)
"""Fields whose values are not words: ids, times, and what has a fixed set of values."""
NOT_WORDS = re.compile(r"$|/api/|#|\d{4}-\d\d-\d\d|[0-9a-f]{8}")


def made_hostile(data: Any) -> Any:
    """Return an answer of the API with `HOSTILE` behind every text in it, the same text always the same way."""
    if isinstance(data, dict):
        return {key: value if _is_structure(key, value) else made_hostile(value) for key, value in data.items()}
    if isinstance(data, list):
        return [made_hostile(value) for value in data]
    if isinstance(data, str) and not NOT_WORDS.match(data):
        return f"{data} {HOSTILE}"
    return data


def _is_structure(key: str, value: Any) -> bool:
    """Return whether a field holds no words. One that is called like an id may hold a whole message."""
    holds = isinstance(value, dict) or (isinstance(value, list) and any(isinstance(each, dict) for each in value))
    return key in STRUCTURE and not holds


@contextmanager
def hostile_server(page: Page) -> Iterator[None]:
    """Let a page get every answer of the API with hostile texts in it, while the context lasts."""

    def answer(route: Route) -> None:
        if route.request.method != "GET" or route.request.url.endswith("/network/events"):  # it never ends
            route.continue_()
            return
        response = route.fetch()
        kind = response.headers.get("content-type", "")
        if kind.startswith("application/json"):
            route.fulfill(response=response, json=made_hostile(response.json()))
        elif kind.startswith("text/event-stream"):
            route.fulfill(response=response, body="".join(_events(response.text())))
        else:
            route.fulfill(response=response)

    page.route(re.compile(r"/api/"), answer)
    try:
        yield
    finally:
        page.unroute_all(behavior="ignoreErrors")


def _events(stream: str) -> Iterator[str]:
    for line in stream.splitlines(keepends=True):
        if line.startswith("data:"):
            yield f"data: {json.dumps(made_hostile(json.loads(line[5:])))}\n"
        else:
            yield line


class Watch:
    """Notes whatever a page does that it must not: `wrong` has it, a line each. Loads the page again."""

    def __init__(self, page: Page, url: str) -> None:
        self._page, self._url = page, url
        self.wrong: list[str] = []
        page.on("dialog", lambda dialog: (self.wrong.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
        page.on("popup", lambda popup: self.wrong.append(f"a window: {popup.url}"))
        page.on("framenavigated", lambda frame: self._at(frame.url))
        page.on("download", lambda download: self.wrong.append(f"a download: {download.url}"))
        page.add_init_script(PENDING)
        page.reload(wait_until="commit")

    def _at(self, url: str) -> None:
        if url != "about:blank" and urlsplit(url).netloc != urlsplit(self._url).netloc:
            self.wrong.append(f"went to {url}")

    def look(self) -> None:
        """Look at what is on the page now."""
        where = self._page.url.removeprefix(self._url)[:100]
        found = self._page.evaluate(SIGNS)
        self.wrong += [f"{where}: {sign}" for sign in found]


PENDING = """
  window.pending = 0;
  const { fetch, EventSource } = window;
  window.fetch = (...asked) => {
    window.pending++;
    const over = () => setTimeout(() => window.pending--);
    const answer = fetch(...asked);
    answer.then((head) => head.clone().blob()).then(over, over);
    return answer;
  };
  window.EventSource = class extends EventSource {
    constructor(url) {
      super(url);
      this.isRun = String(url).includes("/runs/");
      if (this.isRun) window.pending++;
    }
    close() {
      super.close();
      if (this.isRun) setTimeout(() => window.pending--);
      this.isRun = false;
    }
  };
"""
"""Counts the answers that the page still waits for, to their last byte."""

SIGNS = """() => {
  const found = [];
  if (window.hurt !== undefined) found.push("a text was executed");
  for (const element of document.querySelectorAll("[data-made]")) found.push(`a text became <${element.localName}>`);
  for (const element of document.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      if (name.startsWith("on")) found.push(`<${element.localName} ${name}> would be executed`);
      if (["href", "src", "action", "formaction", "srcdoc", "xlink:href", "data"].includes(name)) {
        const { origin, protocol } = new URL(value, document.baseURI);
        const isOwn = origin === location.origin || protocol === (element.localName === "img" ? "data:" : "blob:");
        if (!isOwn) found.push(`<${element.localName} ${name}> leads to ${value.slice(0, 80)}`);
        if (name === "srcdoc") found.push("a frame holds a document of its own");
      }
      if (name === "style" && /url\\(|expression|@import|display: *none !important/i.test(value)) {
        found.push(`<${element.localName}> has the style ${value.slice(0, 80)}`);
      }
    }
  }
  for (const script of document.scripts) {
    if (!script.src.startsWith(`${location.origin}/page/`)) found.push("there is a script that is none of the page");
  }
  for (const sheet of document.styleSheets) {
    if (!sheet.href?.startsWith(`${location.origin}/page/`)) found.push("there is a style that is none of the page");
  }
  const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (over > 1) {
    const wide = [...document.querySelectorAll("main *")].filter(
      (element) => element.getBoundingClientRect().right > innerWidth + 1 && element.closest(".wide") === null,
    );
    const widest = wide.slice(0, 4).map((element) => `${element.localName}.${element.className}`);
    found.push(`the page scrolls sideways by ${over} px: ${widest.join(", ")}`);
  }
  if (document.querySelector("header nav a") === null || document.getElementById("main")?.checkVisibility() !== true) {
    found.push("the frame of the page is gone");
  }
  return found;
}"""

OPENED = """() => {
  const details = document.querySelectorAll("main details:not([open])");
  const others = document.querySelectorAll("main [aria-expanded=false]");
  for (const folded of details) folded.open = true;
  for (const folded of others) folded.click();
  return details.length + others.length > 0;
}"""
"""Unfolds what is folded; returns whether anything was."""


GO = """(address) => new Promise((then) => {
  const before = location.hash;
  location.hash = address;
  if (location.hash === before) then();
  else addEventListener("hashchange", () => then(), { once: true });
})"""
"""Opens an address of the page."""


def settled(page: Page) -> None:
    """Wait until a view has what it asked for, and shows it."""
    done = page.evaluate("""async () => {
      const frame = () => new Promise((then) => requestAnimationFrame(() => setTimeout(then)));
      const waits = () => window.pending > 0 || document.querySelector(".waiting, [aria-busy=true]") !== null;
      const isShown = () => (document.getElementById("main")?.childElementCount ?? 0) > 0;
      const end = performance.now() + 30_000;
      for (let calm = 0; performance.now() < end; calm = waits() || !isShown() ? 0 : calm + 1) {
        if (calm === 3) return true;
        await frame();
      }
      return false;
    }""")
    assert done, f"{page.url[:100]} goes on waiting"


def walk(page: Page, starts: list[str], each: Callable[[str], None], *, most: int) -> list[str]:
    """Open views by their addresses, and all that they link to, one of each kind; returns the addresses.

    `each` is called for each address once its view is settled.
    """
    left, seen, kinds = list(starts), [], set[str]()
    while left and len(seen) < most:
        address = left.pop(0)
        kind = kind_of(address)
        if kind in kinds:
            continue
        kinds.add(kind)
        page.evaluate(GO, address)
        settled(page)
        if page.evaluate(OPENED):
            settled(page)
        seen.append(address)
        each(address)
        links = page.eval_on_selector_all("a[href^='#/']", "links => links.map((link) => link.getAttribute('href'))")
        left += [found for found in links if kind_of(found) not in kinds]
    return seen


def kind_of(address: str) -> str:
    """Return an address without its ids and names: ``#/runs/*/messages/*?with``."""
    path, _, query = address.partition("?")
    parts = [part if re.fullmatch("#|[a-z]*", part) else "*" for part in path.split("/")]
    fields = sorted({field.partition("=")[0] for field in query.split("&") if field})
    return "/".join(parts) + ("?" + "&".join(fields) if fields else "")
